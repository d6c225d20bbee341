package httpserver

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// front serves the plain requests of connections itself and leaves the others to
// an http.Server, which it stands in front of.
type front struct {
	rest       *http.Server
	handler    http.Handler
	noFastPath bool // rest serves all requests
	memory     Memory
	slots      *slots
	handoff    *handoff
	serveRest  sync.Once
	date       date
	context    context.Context // of all requests
	cancel     context.CancelFunc

	buffers buffers
	answers sync.Pool // *[maxCopied]byte

	closing atomic.Bool

	mu        sync.Mutex
	listeners map[net.Listener]struct{} // that are not closed
	open      map[*conn]struct{}
	empty     chan struct{} // closed once no connection is open; nil: nobody waits for it
}

// newFront returns a front for rest, which belongs to the front from then on. The
// Handler, ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout and ErrorLog of
// rest apply to all requests, its other fields to those that are not plain. Without
// an ErrorLog nothing is logged.
func newFront(rest *http.Server) *front {
	if rest.ErrorLog == nil {
		rest.ErrorLog = log.New(io.Discard, "", 0)
	}
	s := &front{
		rest: rest, handler: rest.Handler, memory: unlimited{}, handoff: newHandoff(),
		listeners: map[net.Listener]struct{}{}, open: map[*conn]struct{}{},
	}
	s.slots = &slots{max: math.MaxInt, logger: slog.New(slog.DiscardHandler), draining: &s.closing}
	s.context, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve answers the requests that arrive on l. It returns http.ErrServerClosed as
// soon as Shutdown or Close is called, and the error of l when l fails. It closes l.
// It may be called for several listeners.
func (s *front) Serve(l net.Listener) error { return s.serveOn(l, nil) }

// serveOn is Serve for a listener on whose connections TLS is spoken, unless secure is
// nil.
func (s *front) serveOn(l net.Listener, secure *TLS) error {
	if !s.register(l) {
		_ = l.Close()
		return http.ErrServerClosed
	}
	defer func() { _ = s.closeListener(l) }()
	s.serveRest.Do(func() {
		go func() { _ = s.rest.Serve(s.handoff) }() // until Shutdown or Close
	})
	var pause time.Duration
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.serve(newConn(s, c, secure))
		case s.closing.Load():
			return http.ErrServerClosed
		case !temporary(err):
			return err
		default: // too many open files, say
			pause = min(max(2*pause, minAcceptPause), maxAcceptPause)
			s.rest.ErrorLog.Printf("http: accept error: %v; retrying in %v", err, pause)
			select {
			case <-time.After(pause):
			case <-s.context.Done():
			}
		}
	}
}

// Serve pauses after a temporary failure to accept a connection, twice as long after
// each failure in a row.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// temporary reports whether accepting may succeed later.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// register stores a listener that is served. It reports false when the server is
// closing.
func (s *front) register(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

// closeListener closes a listener, unless it is closed already.
func (s *front) closeListener(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.listeners[l]; !open {
		return nil
	}
	delete(s.listeners, l)
	return l.Close()
}

// closeListeners closes all listeners.
func (s *front) closeListeners() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed []error
	for l := range s.listeners {
		failed = append(failed, l.Close())
	}
	clear(s.listeners)
	return errors.Join(failed...)
}

// serve serves a connection on a goroutine, which ends when the connection ends or
// is handed over.
func (s *front) serve(c *conn) {
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		c.close()
		return
	}
	s.open[c] = struct{}{}
	s.mu.Unlock()
	go func() {
		defer s.forget(c)
		c.serve()
	}()
}

// forget removes c from the open connections. It may be called more than once.
func (s *front) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.notifyEmpty()
}

// notifyEmpty notifies those who wait for the last connection, if none is open.
func (s *front) notifyEmpty() {
	if len(s.open) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// Shutdown closes the listeners and the idle connections, and waits until the
// requests under way are answered. Those answers are the last ones on their
// connections. When ctx ends first Shutdown returns its error and leaves the
// requests running.
func (s *front) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	failed := s.closeListeners()
	s.rest.SetKeepAlivesEnabled(false) // closes its idle connections, too
	select {
	case <-s.closeConns((*conn).retire):
		return errors.Join(failed, s.rest.Shutdown(ctx))
	case <-ctx.Done():
		return errors.Join(ctx.Err(), failed)
	}
}

// Close closes the listeners and all connections at once, except those that handlers
// took over. It ends the contexts of the requests.
func (s *front) Close() error {
	s.closing.Store(true)
	s.cancel()
	failed := s.closeListeners()
	s.closeConns(func(*conn) bool { return true })
	return errors.Join(failed, s.rest.Close())
}

// closeConns closes the open connections for which the function reports true. The
// channel it returns is closed once no connection is open.
func (s *front) closeConns(which func(*conn) bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if which(c) {
			// Not that of TLS, which would wait for a client that does not read.
			_ = c.raw.Close()
		}
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.notifyEmpty()
	return empty
}

// headerTimeout is the time in which the head of a request must arrive, by
// net/http's rules.
func (s *front) headerTimeout() time.Duration {
	return cmp.Or(s.rest.ReadHeaderTimeout, s.rest.ReadTimeout)
}

// idleTimeout is how long an idle connection stays open, by net/http's rules.
func (s *front) idleTimeout() time.Duration {
	return cmp.Or(s.rest.IdleTimeout, s.rest.ReadTimeout)
}

package http1

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves the plain requests of connections itself and leaves the others to
// an http.Server. Make it with New.
//
// For handlers the following holds beyond what http.Handler says:
//
//   - The request, its headers and its URL are used again: they must neither be
//     changed nor kept when the handler has returned. Strings taken from them may be
//     kept.
//   - The request's context ends when Close is called, not when the client goes
//     away.
//   - An answer that declares its length leaves as it is written, as large pieces
//     as can be; another one is collected, and sent with its length when the handler
//     returns. There are neither transfer codings nor trailers.
//   - A connection can be taken over, by http.Hijacker.
type Server struct {
	rest    *http.Server
	handed  *handed
	date    date
	context context.Context // of all requests
	cancel  context.CancelFunc

	heads  sync.Pool // *[headMost]byte
	larges sync.Pool // *[requestMost]byte
	outs   sync.Pool // *[outSize]byte

	closing atomic.Bool

	mu       sync.Mutex
	listener net.Listener // nil: none, or closed
	open     map[*conn]struct{}
	emptied  chan struct{} // closed when none is open any more; nil: nobody waits
}

// New returns a server in front of rest, which must not be used otherwise from
// then on. Its Handler, ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout
// and ErrorLog hold for all requests, its other fields for those that are not
// plain. Without an ErrorLog nothing is logged.
func New(rest *http.Server) *Server {
	if rest.ErrorLog == nil {
		rest.ErrorLog = log.New(io.Discard, "", 0)
	}
	s := &Server{rest: rest, handed: newHanded(), open: map[*conn]struct{}{}}
	s.context, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve answers the requests that come on l until the server is shut down or
// closed, when it returns http.ErrServerClosed at once, or until l fails. It closes
// l. It is called once.
func (s *Server) Serve(l net.Listener) error {
	if !s.listen(l) {
		_ = l.Close()
		return http.ErrServerClosed
	}
	defer func() { _ = s.closeListener() }()
	go func() { _ = s.rest.Serve(s.handed) }() // until Shutdown or Close
	var pause time.Duration
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.serve(c)
		case s.closing.Load():
			return http.ErrServerClosed
		case !temporary(err):
			return err
		default: // too many open files, say
			pause = min(max(2*pause, acceptPause), acceptPauseMost)
			s.rest.ErrorLog.Printf("http: accept error: %v; retrying in %v", err, pause)
			select {
			case <-time.After(pause):
			case <-s.context.Done():
			}
		}
	}
}

// How long Serve waits after a failure of accepting that may pass: twice as long
// each time.
const (
	acceptPause     = 5 * time.Millisecond
	acceptPauseMost = time.Second
)

// temporary reports whether accepting may succeed later.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// listen notes that l is served. It reports false when the server is closing.
func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listener = l
	return true
}

// closeListener closes the listener, unless that was done.
func (s *Server) closeListener() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	err := s.listener.Close()
	s.listener = nil
	return err
}

// serve serves a connection, in a goroutine that ends with it or when the
// connection is handed on.
func (s *Server) serve(rwc net.Conn) {
	c := newConn(s, rwc)
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		_ = rwc.Close()
		return
	}
	s.open[c] = struct{}{}
	s.mu.Unlock()
	go func() {
		defer s.left(c)
		c.serve()
	}()
}

// left notes that c is no longer served here. It may be called again.
func (s *Server) left(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.tellEmptied()
}

// tellEmptied tells those who wait for it that no connection is open, if so.
func (s *Server) tellEmptied() {
	if len(s.open) == 0 && s.emptied != nil {
		close(s.emptied)
		s.emptied = nil
	}
}

// Shutdown closes the listener and the idle connections and waits for the requests
// under way to be answered, which are the last ones of their connections. When ctx
// ends first it returns the context's error and lets them be.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	failed := s.closeListener()
	s.rest.SetKeepAlivesEnabled(false) // closes the idle ones there, too
	select {
	case <-s.closeConns((*conn).retire):
		return errors.Join(failed, s.rest.Shutdown(ctx))
	case <-ctx.Done():
		return errors.Join(ctx.Err(), failed)
	}
}

// Close closes the listener and all connections, whatever goes on there, but for
// those that were taken over. It ends the requests' contexts.
func (s *Server) Close() error {
	s.closing.Store(true)
	s.cancel()
	failed := s.closeListener()
	s.closeConns(func(*conn) bool { return true })
	return errors.Join(failed, s.rest.Close())
}

// closeConns closes the connections for which which reports true. What it returns
// is closed when there is none any more.
func (s *Server) closeConns(which func(*conn) bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if which(c) {
			_ = c.rwc.Close()
		}
	}
	if s.emptied == nil {
		s.emptied = make(chan struct{})
	}
	emptied := s.emptied
	s.tellEmptied()
	return emptied
}

// headerTimeout is how long the head of a request may take, as net/http has it.
func (s *Server) headerTimeout() time.Duration {
	if s.rest.ReadHeaderTimeout != 0 {
		return s.rest.ReadHeaderTimeout
	}
	return s.rest.ReadTimeout
}

// idleTimeout is how long a connection is kept on which nothing is asked.
func (s *Server) idleTimeout() time.Duration {
	if s.rest.IdleTimeout != 0 {
		return s.rest.IdleTimeout
	}
	return s.rest.ReadTimeout
}

package flagsmith_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
)

// hosts is an upstream.test whose name leads now to one server, now to another. The
// connections are pipes, for synctest.
type hosts struct {
	mu      sync.Mutex
	handler http.HandlerFunc
	dialed  int
	open    sync.WaitGroup
}

func (h *hosts) leadTo(handler http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handler = handler
}

// dial connects to the server that the name leads to. The connection stays there.
func (h *hosts) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dialed++
	server := &http.Server{Handler: h.handler}
	h.open.Go(func() { _ = server.Serve(&oneConnection{connection: there}) }) // ends with the connection
	return &endsServer{here, server}, nil
}

// endsServer is a connection with whose end its server ends.
type endsServer struct {
	net.Conn
	server *http.Server
}

func (c *endsServer) Close() error {
	err := c.Conn.Close()
	_ = c.server.Close()
	return err
}

// oneConnection is a listener that accepts one connection, then waits to be closed.
type oneConnection struct {
	connection net.Conn
	accepted   atomic.Bool
	closed     chan struct{}
	once, last sync.Once
}

func (l *oneConnection) wait() chan struct{} {
	l.once.Do(func() { l.closed = make(chan struct{}) })
	return l.closed
}

func (l *oneConnection) Accept() (net.Conn, error) {
	if !l.accepted.Swap(true) {
		return l.connection, nil
	}
	<-l.wait()
	return nil, net.ErrClosed
}

func (l *oneConnection) Close() error {
	l.last.Do(func() { close(l.wait()) })
	return nil
}

func (*oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

func (h *hosts) client(t *testing.T, timeout time.Duration) *flagsmith.Client {
	t.Helper()
	c, err := flagsmith.New(flagsmith.Options{
		APIURL: &url.URL{Scheme: "http", Host: "upstream.test", Path: "/api/v1"}, Timeout: timeout, MaxDocumentBytes: 1 << 20, Dial: h.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A poll interval is often shorter than any time-out of idle connections. A host that
// moves is followed all the same.
func TestAHostThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interval time.Duration
		within   time.Duration
		dials    int // in ten minutes, at most
	}{
		"every second":      {time.Second, 15 * time.Second, 10*60/15 + 2},
		"every ten seconds": {10 * time.Second, 20 * time.Second, 10*60/20 + 2},
		"every minute":      {time.Minute, time.Minute, 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				serves := func(name string) http.HandlerFunc {
					return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"name":"`+name+`"}`) }
				}
				h := &hosts{}
				h.leadTo(serves("old"))
				client := h.client(t, 5*time.Second)
				var moved, followed time.Time
				for began := time.Now(); time.Since(began) < 10*time.Minute; <-time.After(c.interval) {
					got, err := client.FetchDocument(t.Context(), documentRequest())
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(string(got.Body), "new") && followed.IsZero() {
						followed = time.Now()
					}
					if moved.IsZero() && time.Since(began) > 5*time.Minute {
						moved = time.Now()
						h.leadTo(serves("new"))
					}
				}
				if took := followed.Sub(moved); followed.IsZero() || took > c.within {
					t.Errorf("the new host was asked %v after the move, want at most %v", took, c.within)
				}
				if h.dialed > c.dials {
					t.Errorf("%d connections in ten minutes, want at most %d", h.dialed, c.dials)
				}
				client.Close()
				h.open.Wait() // no connection is left
			})
		})
	}
}

// With HTTP/2 all requests share a connection. When it is dead, a request that runs
// into its time-out makes the next ones use another.
func TestADeadConnectionOfHTTP2IsGivenUp(t *testing.T) {
	t.Parallel()
	server := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("asked by %s", r.Proto)
		}
		_, _ = io.WriteString(w, document)
	}))
	var dials atomic.Int32
	var first atomic.Pointer[swallowing]
	c := client(t, server.URL, trust(server), func(o *flagsmith.Options) {
		o.Timeout = 500 * time.Millisecond
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil || dials.Add(1) > 1 {
				return connection, err
			}
			first.Store(&swallowing{Conn: connection})
			return first.Load(), nil
		}
	})
	if _, err := c.FetchDocument(t.Context(), documentRequest()); err != nil {
		t.Fatal(err)
	}
	first.Load().dead.Store(true)
	failing(t, c)
	if _, err := c.FetchDocument(t.Context(), documentRequest()); err != nil {
		t.Errorf("the second request after the connection died: %v", err)
	}
}

// swallowing is a connection whose writes vanish once it is dead.
type swallowing struct {
	net.Conn
	dead atomic.Bool
}

func (s *swallowing) Write(b []byte) (int, error) {
	if s.dead.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// Event streams are opened again from time to time, without a warning, and the
// document is fetched then.
func TestStreamsAreOpenedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{}
		var opened atomic.Int32
		h.leadTo(func(w http.ResponseWriter, r *http.Request) {
			opened.Add(1)
			w.Header().Set("Content-Type", "text/event-stream")
			beat := time.NewTicker(20 * time.Second)
			defer beat.Stop()
			for {
				_, _ = io.WriteString(w, ": heartbeat\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-beat.C:
				case <-r.Context().Done():
					return
				}
			}
		})
		client, log := h.client(t, 5*time.Second), &lockedBuffer{}
		streams, err := client.NewStreams(&url.URL{Scheme: "http", Host: "realtime.test"}, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		fetches := 0
		_ = streams.Notify(ctx, []domain.EnvironmentKey{"a"}, func(_ domain.EnvironmentKey, at time.Time) {
			if at.IsZero() {
				fetches++
			}
		})
		if n := int(opened.Load()); n < 6 || n > 25 || fetches != n-1 {
			t.Errorf("opened %d times in an hour, with %d fetches", n, fetches)
		}
		if log.String() != "" {
			t.Errorf("log: %s", log)
		}
		client.Close()
		h.open.Wait()
	})
}

package httpserver_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// served is a Server on a port of its own.
type served struct {
	*httpserver.Server
	addr string
}

func start(t *testing.T, h http.Handler, o httpserver.Options) *served {
	t.Helper()
	o.Host = "127.0.0.1"
	s := &served{Server: httpserver.New(h, o)}
	var err error
	if s.addr, err = s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial opens a connection to write requests to by hand.
func (s *served) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn, bufio.NewReader(conn)
}

// on runs test with the fast path and without it.
func on(t *testing.T, test func(*testing.T, httpserver.Options)) {
	t.Helper()
	for name, without := range map[string]bool{"fast path": false, "net/http": true} {
		t.Run(name, func(t *testing.T) { test(t, httpserver.Options{NoFastPath: without}) })
	}
}

func TestHeaderLimit(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.MaxHeaderBytes = 1000
		s := start(t, byPath, o)
		conn, from := s.dial(t)
		fmt.Fprintf(conn, "GET /tell HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 10_000))
		if response, _ := receive(t, from); response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %s", response.Status)
		}
	})
}

func TestDrainEndsConnectionsAfterTheirNextAnswer(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		s := start(t, byPath, o)
		conn, from := s.dial(t)
		fmt.Fprint(conn, get("/tell"))
		if response, _ := receive(t, from); response.Close {
			t.Error("closed before draining")
		}
		s.Drain()
		fmt.Fprint(conn, get("/tell")) // on a connection that was idle
		if response, _ := receive(t, from); response.StatusCode != 200 || !response.Close {
			t.Errorf("%s, close %v", response.Status, response.Close)
		}
		if _, err := from.ReadByte(); err != io.EOF {
			t.Errorf("still open, or reset: %v", err)
		}
		conn, from = s.dial(t) // a new one
		fmt.Fprint(conn, get("/status"))
		if response, _ := receive(t, from); response.StatusCode != http.StatusTeapot || !response.Close {
			t.Errorf("%s, close %v", response.Status, response.Close)
		}
	})
}

func TestShutdownWaitsForRequestsInFlight(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		begun, finish := make(chan bool), make(chan bool)
		s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			begun <- true
			<-finish
			fmt.Fprint(w, "done")
		}), o)
		idle, fromIdle := s.dial(t)
		busy, fromBusy := s.dial(t)
		fmt.Fprint(idle, get("/"))
		<-begun
		finish <- true
		receive(t, fromIdle)
		fmt.Fprint(busy, get("/"))
		<-begun

		stopped := make(chan error)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		if _, err := fromIdle.ReadByte(); err != io.EOF {
			t.Errorf("the idle connection: %v", err)
		}
		select {
		case err := <-stopped:
			t.Fatalf("stopped with a request in flight: %v", err)
		default:
		}
		close(finish)
		if response, body := receive(t, fromBusy); body != "done" || response.StatusCode != 200 {
			t.Errorf("%s %q", response.Status, body)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if _, err := net.Dial("tcp", s.addr); err == nil {
			t.Error("the port is still open")
		}
	})
}

// A connection on which nothing was sent delays nothing, however short the time for
// the shutdown is. Neither does one that comes while the port is being closed.
func TestShutdownDoesNotWaitForSilentConnections(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		synctest.Test(t, func(t *testing.T) {
			l := &lateConns{conns: newConns()}
			o.Listen = func(context.Context, string, string) (net.Listener, error) { return l, nil }
			s := httpserver.New(byPath, o)
			if _, err := s.Listen(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Serve() }()
			_, silent := dial(l.conns)
			client, late := net.Pipe()
			l.set(late)
			synctest.Wait()
			began := time.Now()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			for _, from := range []*bufio.Reader{silent, bufio.NewReader(client)} {
				if _, err := from.ReadByte(); err != io.EOF {
					t.Errorf("a silent connection: %v", err)
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

func TestShutdownIsBounded(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		begun := make(chan bool)
		s := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			begun <- true
			<-r.Context().Done()
		}), o)
		conn, _ := s.dial(t)
		fmt.Fprint(conn, get("/"))
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestListenOnATakenPort(t *testing.T) {
	taken := start(t, http.NotFoundHandler(), httpserver.Options{})
	_, port, _ := net.SplitHostPort(taken.addr)
	var number int
	fmt.Sscan(port, &number)
	_, err := httpserver.New(http.NotFoundHandler(), httpserver.Options{Host: "127.0.0.1", Port: number}).Listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("got %v", err)
	}
}

// net/http's own reports reach the logger, without keys.
func TestErrorsAreLoggedWithoutSecrets(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		const serverKey = "ser.secret-0123456789"
		var log lockedBuffer
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("with " + serverKey) }), o)
		conn, from := s.dial(t)
		fmt.Fprint(conn, get("/"))
		if _, err := from.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := log.String(); !strings.Contains(got, "panic") || strings.Contains(got, serverKey) {
			t.Errorf("logged %q", got)
		}
	})
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// onConns serves on connections within the process, in the fake time of synctest, with
// the fast path and without it.
func onConns(t *testing.T, h http.Handler, o httpserver.Options, test func(*testing.T, *conns)) {
	t.Helper()
	on(t, func(t *testing.T, paths httpserver.Options) {
		synctest.Test(t, func(t *testing.T) {
			l := newConns()
			o := o
			o.NoFastPath = paths.NoFastPath
			o.Listen = func(context.Context, string, string) (net.Listener, error) { return l, nil }
			s := httpserver.New(h, o)
			if _, err := s.Listen(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Serve() }()
			test(t, l)
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

// Beyond the limit connections get one answer each, which may be that of a probe. The
// oldest of them give way to new ones. When others have gone, all is as before.
func TestConnectionLimit(t *testing.T) {
	const most = 20
	probes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/probe" {
			byPath.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	onConns(t, byPath, httpserver.Options{MaxConnections: most, OverLimit: probes, Logger: logger}, func(t *testing.T, l *conns) {
		ask := func(client net.Conn, from *bufio.Reader, request string) *http.Response {
			send(client, request)
			response, _ := receive(t, from)
			return response
		}
		var held []net.Conn
		for i := range most {
			client, from := dial(l)
			request := get("/tell")
			if i%2 > 0 {
				request = odd("/tell")
			}
			if response := ask(client, from, request); response.StatusCode != http.StatusOK || response.Close {
				t.Errorf("within the limit: %s, close %v", response.Status, response.Close)
			}
			held = append(held, client)
		}
		for _, request := range []string{get("/tell"), odd("/tell")} {
			client, from := dial(l)
			if response := ask(client, from, request); response.StatusCode != http.StatusServiceUnavailable || !response.Close {
				t.Errorf("beyond the limit: %s, close %v", response.Status, response.Close)
			}
			ended(t, from)
		}
		var silent []*bufio.Reader // more than there is room for beyond the limit
		for range 70 {
			client, from := dial(l)
			defer client.Close()
			silent = append(silent, from)
		}
		for _, request := range []string{get("/probe"), odd("/probe")} {
			client, from := dial(l)
			if response := ask(client, from, request); response.StatusCode != http.StatusOK || !response.Close {
				t.Errorf("a probe: %s, close %v", response.Status, response.Close)
			}
			ended(t, from)
		}
		ended(t, silent[0])
		for _, client := range held {
			client.Close()
		}
		synctest.Wait()
	})
	for text, want := range map[string]int{"connection_limit_reached limit=20": 2} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%d times %q in %s", got, text, log.String())
		}
	}
}

// Slots are given back however a connection ends: the limit is reached over and over,
// and never for longer than the connections are open.
func TestSlotsAreGivenBack(t *testing.T) {
	const most = 5
	refused := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/take":
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			go func() { // until the client goes
				defer c.Close()
				_, _ = io.Copy(io.Discard, c)
			}()
		case "/panic":
			panic("in a handler")
		}
	})
	onConns(t, h, httpserver.Options{MaxConnections: most, OverLimit: refused, KeepAliveTimeout: time.Second}, func(t *testing.T, l *conns) {
		for _, request := range []string{get("/"), odd("/"), get("/take"), odd("/take"), get("/panic"), odd("/panic"), "GET / HTT", "nonsense\r\n\r\n", ""} {
			for range 3 {
				var clients []net.Conn
				for range most {
					client, from := dial(l)
					clients = append(clients, client)
					send(client, request)
					go func() { _, _ = io.Copy(io.Discard, from) }()
				}
				synctest.Wait()
				for _, client := range clients {
					client.Close()
				}
				<-time.After(10 * time.Second)
			}
			client, from := dial(l)
			send(client, get("/"))
			if response, _ := receive(t, from); response.StatusCode != http.StatusOK {
				t.Errorf("after %q: %s", request, response.Status)
			}
			client.Close()
			synctest.Wait()
		}
	})
}

// budget is a Memory that counts.
type budget struct{ used, most, limit atomic.Int64 }

func (b *budget) Reserve(n int64) bool {
	used := b.used.Add(n)
	if used > b.limit.Load() {
		b.used.Add(-n)
		return false
	}
	if used > b.most.Load() {
		b.most.Store(used)
	}
	return true
}

func (b *budget) Release(n int64) { b.used.Add(-n) }

// The memory of a request grows with what has arrived of it, is bounded, and is given
// back. A request for which there is no memory is net/http's.
func TestMemoryOfRequests(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body), err)
	})
	post := func(size int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
	}
	memory := new(budget)
	memory.limit.Store(1 << 30)
	onConns(t, h, httpserver.Options{Memory: memory, ReadTimeout: 10 * time.Second}, func(t *testing.T, l *conns) {
		memory.most.Store(0)
		client, from := dial(l)
		send(client, post(60_000)+"x") // and no more
		synctest.Wait()
		if used := memory.used.Load(); used != 0 {
			t.Errorf("%d bytes for one that arrived", used)
		}
		receive(t, from) // after the time-out
		client.Close()
		for _, size := range []int{3000, 10_000, 20_000, 60_000, 100_000} {
			client, from := dial(l)
			send(client, strings.Repeat(post(size)+string(pattern[:size]), 3))
			for range 3 {
				if _, got := receive(t, from); got != fmt.Sprint(size, nil) {
					t.Errorf("%d: %s", size, got)
				}
			}
			client.Close()
			synctest.Wait()
			if used := memory.used.Load(); used != 0 {
				t.Errorf("%d bytes are reserved after bodies of %d", used, size)
			}
		}
		memory.limit.Store(16 << 10) // enough for one medium buffer
		client, from = dial(l)
		send(client, post(60_000)+string(pattern[:60_000]))
		if _, got := receive(t, from); got != fmt.Sprint(60_000, nil) {
			t.Errorf("without memory: %s", got)
		}
		client.Close()
		synctest.Wait()
		if used := memory.used.Load(); used != 0 {
			t.Errorf("%d bytes are still reserved", used)
		}
		memory.limit.Store(1 << 30)
	})
}

// A client that sends a large body whole, and only then reads, gets its answer, whatever
// the handler read of the body.
func TestAnswersToUnreadBodiesArrive(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/some" {
				_, _ = io.CopyN(io.Discard, r.Body, 100_000)
			}
			w.Header().Set("Connection", "close")
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = io.WriteString(w, strings.Repeat("too large", 1000))
		})
		s := start(t, h, o)
		const size = 4 << 20
		body := strings.Repeat("b", size)
		for _, path := range []string{"/none", "/some"} {
			for _, chunked := range []bool{false, true} {
				request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, size, body)
				if chunked {
					request = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, size, body)
				}
				for range 5 {
					conn, from := s.dial(t)
					if _, err := io.WriteString(conn, request); err != nil {
						t.Fatalf("%s, chunked %v: %v", path, chunked, err)
					}
					if response, got := receive(t, from); response.StatusCode != http.StatusRequestEntityTooLarge || len(got) != 9000 {
						t.Errorf("%s, chunked %v: %s, %d bytes", path, chunked, response.Status, len(got))
					}
				}
			}
		}
	})
}

// Waiting for the rest of a body ends, however slowly it comes.
func TestUnreadBodiesAreNotWaitedForWithoutEnd(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	for name, more := range map[string]time.Duration{"nothing more": time.Hour, "a byte a second": time.Second} {
		t.Run(name, func(t *testing.T) {
			onConns(t, h, httpserver.Options{}, func(t *testing.T, l *conns) {
				began := time.Now()
				client, from := dial(l)
				send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\nabc")
				if response, _ := receive(t, from); response.StatusCode != http.StatusRequestEntityTooLarge || time.Since(began) > 0 {
					t.Errorf("%s after %v", response.Status, time.Since(began))
				}
				stop := make(chan bool)
				go func() {
					for {
						select {
						case <-time.After(more):
							if _, err := io.WriteString(client, "x"); err != nil {
								return
							}
						case <-stop:
							return
						}
					}
				}()
				if _, err := io.Copy(io.Discard, from); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
				close(stop)
				if took := time.Since(began); took < 9*time.Second || took > 12*time.Second {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}

// A client that waits for leave to send its body is not waited for.
func TestABodyThatWasNotAskedForIsNotWaitedFor(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	onConns(t, h, httpserver.Options{}, func(t *testing.T, l *conns) {
		began := time.Now()
		client, from := dial(l)
		send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n")
		receive(t, from)
		ended(t, from)
		if took := time.Since(began); took > time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

// HTTP/2 with a wrong preface is answered in HTTP/1.1.
func TestWrongPreface(t *testing.T) {
	onConns(t, byPath, httpserver.Options{}, func(t *testing.T, l *conns) {
		client, from := dial(l)
		send(client, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
		response, body := receive(t, from)
		if response.StatusCode != http.StatusHTTPVersionNotSupported || !response.Close || !strings.Contains(body, "preface") || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %v %q", response.Status, response.Header, body)
		}
		ended(t, from)
	})
}

// failingWrites is a connection on which writing fails after a number of bytes.
type failingWrites struct {
	net.Conn
	left   int
	closed chan bool
}

func (c *failingWrites) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if n < len(p) {
		return n, errors.New("broken")
	}
	return n, nil
}

func (c *failingWrites) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

// A write that fails ends the answer and the connection: nothing more is sent, and the
// next request is not handled.
func TestAFailedWriteEndsTheConnection(t *testing.T) {
	for _, left := range []int{0, 10, 10_000} {
		var errs []error
		handled := 0
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			handled++
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "60000")
			for range 3 {
				_, err := w.Write(make([]byte, 20_000))
				errs = append(errs, err)
			}
		})
		inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
			client, other := net.Pipe()
			c := &failingWrites{other, left, make(chan bool)}
			l.accept <- c
			send(client, get("/")+get("/"))
			<-c.closed
		})
		if handled != 1 || len(errs) != 3 || errs[0] == nil || errs[1] != errs[0] || errs[2] != errs[0] {
			t.Errorf("after %d bytes: %d requests, %v", left, handled, errs)
		}
	}
}

// A connection that is handed to an http.Server that has ended is closed.
func TestHandingOverToAServerThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rest := &http.Server{Handler: byPath}
		s, l, served := httpserver.NewFront(rest), newConns(), make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		client, from := dial(l)
		synctest.Wait()
		if err := rest.Close(); err != nil {
			t.Error(err)
		}
		send(client, odd("/tell"))
		ended(t, from)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}

// A request of HTTP/1.0 with a Host, which is spelled like a plain one, is net/http's.
func TestHTTP10WithAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, byPath)
		for _, request := range []string{
			"GET /tell HTTP/1.0\r\nHost: x\r\n\r\n", "GET /tell HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
			"POST /tell HTTP/1.0\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HEAD /tell HTTP/1.0\r\nHost: x\r\n\r\n", "GET /ignore HTTP/1.0\r\nHost: x\r\n\r\n",
		} {
			for _, piece := range []int{1, 1 << 20} {
				p.compare(t, request, piece)
				p.compare(t, get("/tell")+request+get("/tell"), piece)
			}
		}
	})
}

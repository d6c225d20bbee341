package httpserver_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// get asks for a path on a connection that is kept.
func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// odd is a request that is not plain.
func odd(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n"
}

// inMemory runs test with a server in the fake time of synctest, and shuts it down.
func inMemory(t *testing.T, rest *http.Server, test func(*testing.T, *httpserver.Front, *conns)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, l, served := httpserver.NewFront(rest), newConns(), make(chan error)
		go func() { served <- s.Serve(l) }()
		test(t, s, l)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("served until %v", err)
		}
	})
}

// running returns a server that serves until it is shut down or closed, and what
// tells why it ended.
func running(h http.Handler) (s *httpserver.Front, l *conns, served chan error) {
	s, l, served = httpserver.NewFront(&http.Server{Handler: h}), newConns(), make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return s, l, served
}

// dial connects to l.
func dial(l *conns) (net.Conn, *bufio.Reader) {
	client, server := net.Pipe()
	l.accept <- server
	return client, bufio.NewReader(client)
}

// send writes a request, at once or when the server reads it.
func send(client net.Conn, request string) {
	go func() { _, _ = io.WriteString(client, request) }()
}

// receive reads an answer.
func receive(t *testing.T, from *bufio.Reader) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// ended fails unless the connection was closed, and nothing came before.
func ended(t *testing.T, from *bufio.Reader) {
	t.Helper()
	if b, err := from.ReadByte(); err != io.EOF {
		t.Errorf("%q came, %v", b, err)
	}
}

// waiting is a handler that says when it was asked and waits for leave to answer.
type waiting struct{ asked, leave chan bool }

func newWaiting() waiting { return waiting{make(chan bool), make(chan bool)} }

func (h waiting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked <- true
	select {
	case <-h.leave:
	case <-r.Context().Done():
	}
	_, _ = io.WriteString(w, "done")
}

func TestShutdown(t *testing.T) {
	for name, request := range map[string]string{"plain": get("/"), "odd": odd("/")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newWaiting()
				s, l, served := running(h)
				_, silent := dial(l)
				idle, fromIdle := dial(l)
				send(idle, request)
				<-h.asked
				h.leave <- true
				if response, _ := receive(t, fromIdle); response.Close {
					t.Error("closed before")
				}
				busy, fromBusy := dial(l)
				send(busy, request)
				<-h.asked

				stopped := make(chan error, 1)
				go func() { stopped <- s.Shutdown(t.Context()) }()
				ended(t, silent)
				if err := <-served; err != http.ErrServerClosed {
					t.Errorf("served until %v", err)
				}
				synctest.Wait()
				select {
				case err := <-stopped:
					t.Fatalf("did not wait: %v", err)
				default:
				}
				h.leave <- true
				if response, body := receive(t, fromBusy); body != "done" || !response.Close {
					t.Errorf("%q, close %v", body, response.Close)
				}
				if err := <-stopped; err != nil {
					t.Error(err)
				}
				ended(t, fromIdle)
				ended(t, fromBusy)
				again := newConns()
				if err := s.Serve(again); err != http.ErrServerClosed {
					t.Errorf("serves again: %v", err)
				}
				<-again.ended
			})
		})
	}
}

func TestCloseCutsRequestsOff(t *testing.T) {
	for name, request := range map[string]string{"plain": get("/"), "odd": odd("/")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newWaiting()
				s, l, served := running(h)
				client, from := dial(l)
				send(client, request)
				<-h.asked
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("shut down: %v", err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				ended(t, from)
				<-served
				// The handler's context has ended: synctest fails if it still waits.
			})
		})
	}
}

// Every call of Shutdown returns, however many there are and whatever else is called
// meanwhile.
func TestShutdownTwiceAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWaiting()
		s, l, served := running(h)
		client, from := dial(l)
		send(client, get("/"))
		<-h.asked
		stopped := make(chan error)
		for range 2 {
			go func() { stopped <- s.Shutdown(t.Context()) }()
			synctest.Wait()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		ended(t, from)
		for range 2 {
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
		<-served
	})
}

// While a request is under way, those connections are closed that nothing goes on on,
// and the others have their last answer, whichever of the two servers they are with.
func TestShutdownIsForBothServersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWaiting()
		s, l, served := running(h)
		open := func(request string) *bufio.Reader {
			client, from := dial(l)
			send(client, request)
			<-h.asked
			return from
		}
		fromIdle := open(odd("/"))
		h.leave <- true
		receive(t, fromIdle)
		fromPlain := open(get("/"))
		fromOdd := open(odd("/"))
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(t.Context()) }()
		ended(t, fromIdle)
		h.leave <- true
		h.leave <- true
		for _, from := range []*bufio.Reader{fromPlain, fromOdd} {
			if response, body := receive(t, from); body != "done" || !response.Close {
				t.Errorf("%q, close %v", body, response.Close)
			}
			ended(t, from)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		<-served
	})
}

// An answer that began before Shutdown does not say that it is the last one. It is.
func TestShutdownDuringAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, leave := make(chan bool), make(chan bool)
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			began <- true
			<-leave
		})
		s, l, served := running(h)
		client, from := dial(l)
		send(client, get("/"))
		<-began
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		leave <- true
		if response, _ := receive(t, from); response.Close {
			t.Error("the answer began later")
		}
		ended(t, from)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		<-served
	})
}

// An answer says once that it is the last one, even if the handler does so too.
func TestLastAnswerSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, served := newWaiting(), newConns(), make(chan error, 1)
		s := httpserver.NewFront(&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			h.ServeHTTP(w, r)
		})})
		go func() { served <- s.Serve(l) }()
		client, from := dial(l)
		send(client, get("/"))
		<-h.asked
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		h.leave <- true
		if answer, err := io.ReadAll(from); strings.Count(string(answer), "\r\nConnection: close\r\n") != 1 || err != nil {
			t.Errorf("%q, %v", answer, err)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		<-served
	})
}

// Half a request is waited for, but not beyond the end.
func TestShutdownDuringARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l, served := running(byPath)
		client, from := dial(l)
		send(client, "GET /ignore HTTP/1.1\r\nHo")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shut down: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		ended(t, from)
		<-served
	})
}

// A client that sends a body nobody reads gets its answer, and not a reset
// connection.
func TestUnreadBodies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, served := httpserver.NewFront(&http.Server{Handler: byPath}), make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		_ = s.Close()
		<-served
	}()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(client, "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("b", 300_000)); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(client)
	if _, body := receive(t, from); body != "ignored" {
		t.Errorf("%q", body)
	}
	ended(t, from)
}

// A connection that comes while the server closes is closed.
func TestConnectionsDuringShutdown(t *testing.T) {
	h := newWaiting()
	synctest.Test(t, func(t *testing.T) {
		l, served := newConns(), make(chan error, 1)
		s := httpserver.NewFront(&http.Server{Handler: h})
		late := &lateConns{conns: l}
		go func() { served <- s.Serve(late) }()
		busy, fromBusy := dial(l)
		send(busy, get("/"))
		<-h.asked
		client, server := net.Pipe()
		late.set(server)
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(t.Context()) }()
		ended(t, bufio.NewReader(client))
		h.leave <- true
		receive(t, fromBusy)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

// A request that comes while Shutdown closes its connection is not handled: nobody
// would get the answer.
func TestRequestDuringShutdown(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("handled") })
	inMemory(t, &http.Server{Handler: h}, func(_ *testing.T, _ *httpserver.Front, l *conns) {
		l.accept <- lateRequest{newScript(get("/"), 100)}
		synctest.Wait()
	})
}

// lateRequest is a connection on which something comes when it is closed.
type lateRequest struct{ *script }

func (c lateRequest) Read(p []byte) (int, error) {
	<-c.closed
	return c.script.Read(p)
}

// lateConns accepts one more connection when it was closed.
type lateConns struct {
	*conns
	mu   sync.Mutex
	late net.Conn
}

func (l *lateConns) set(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = c
}

func (l *lateConns) Accept() (net.Conn, error) {
	c, err := l.conns.Accept()
	if err == nil {
		return c, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.late == nil {
		return nil, err
	}
	c, l.late = l.late, nil
	return c, nil
}

// failing is a listener that fails in turn; a nil error lets one call succeed.
type failing struct {
	*conns
	errs []error
}

func (l *failing) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		if l.errs = l.errs[1:]; err != nil {
			return nil, err
		}
	}
	return l.conns.Accept()
}

type temporaryError struct{}

func (temporaryError) Error() string   { return "too many open files" }
func (temporaryError) Timeout() bool   { return false }
func (temporaryError) Temporary() bool { return true }

func TestFailuresOfAccepting(t *testing.T) {
	t.Run("that pass", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var logged bytes.Buffer
			errs := append(slices.Repeat([]error{temporaryError{}}, 10), nil, temporaryError{}, nil, temporaryError{})
			l, served := &failing{newConns(), errs}, make(chan error)
			s := httpserver.NewFront(&http.Server{Handler: byPath, ErrorLog: log.New(&logged, "", 0)})
			go func() { served <- s.Serve(l) }()
			began := time.Now()
			client, from := dial(l.conns)
			if took := time.Since(began); took != (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond {
				t.Errorf("accepts again after %v", took)
			}
			began = time.Now()
			dial(l.conns)
			if took := time.Since(began); took != 5*time.Millisecond {
				t.Errorf("accepts again after %v, later", took)
			}
			send(client, get("/ignore"))
			if _, body := receive(t, from); body != "ignored" {
				t.Errorf("%q", body)
			}
			began = time.Now() // it waits again
			_ = s.Close()
			<-served
			if took := time.Since(began); took != 0 {
				t.Errorf("served for another %v", took)
			}
			if n := strings.Count(logged.String(), "too many open files"); n != 12 {
				t.Errorf("logged %q", logged.String())
			}
		})
	})
	t.Run("for good", func(t *testing.T) {
		broken := errors.New("broken")
		l := &failing{newConns(), []error{broken}}
		s := httpserver.NewFront(&http.Server{Handler: byPath})
		if err := s.Serve(l); err != broken {
			t.Errorf("%v", err)
		}
		select {
		case <-l.ended:
		default:
			t.Error("the listener is open")
		}
		_ = s.Close()
	})
}

// A handler may take the connection over, with what was read of it beyond the
// request. The server lets go of it.
func TestHijack(t *testing.T) {
	for name, request := range map[string]string{"plain": get("/"), "odd": odd("/")} {
		t.Run(name, func(t *testing.T) {
			var read chan bool
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/other" {
					return
				}
				c, buffered, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := w.Write([]byte("x")); err != http.ErrHijacked {
					t.Errorf("writes: %v", err)
				}
				w.WriteHeader(http.StatusTeapot)
				if _, _, err := http.NewResponseController(w).Hijack(); err == nil {
					t.Error("taken over twice")
				}
				if wrapped, ok := c.(interface{ NetConn() net.Conn }); !ok || wrapped.NetConn() == c {
					t.Errorf("taken over: %T", c)
				}
				go func() {
					defer c.Close()
					<-read
					line, err := buffered.ReadString('\n')
					more, _ := buffered.ReadString('\n')
					fmt.Fprintf(c, "%q %q %v", line, more, err)
				}()
			})
			inMemory(t, &http.Server{Handler: h, ReadTimeout: time.Second, WriteTimeout: time.Second}, func(t *testing.T, s *httpserver.Front, l *conns) {
				read = make(chan bool)
				client, from := dial(l)
				send(client, request+"and more\n")
				synctest.Wait()
				other, fromOther := dial(l) // by which what was read must not be lost
				send(other, get("/other"))
				receive(t, fromOther)
				other.Close()
				read <- true
				<-time.After(time.Minute) // no time-out is left on it
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				send(client, "later\n")
				if got, _ := io.ReadAll(from); string(got) != `"and more\n" "later\n" <nil>` {
					t.Errorf("%s", got)
				}
			})
		})
	}
}

// From then on that a handler has taken the connection over, the server neither
// closes it nor waits for it.
func TestCloseSparesConnectionsTakenOver(t *testing.T) {
	for name, request := range map[string]string{"plain": get("/"), "odd": odd("/")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leave := make(chan bool)
				h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					c, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					<-leave
					_, _ = io.WriteString(c, "mine")
				})
				s, l, served := running(h)
				client, from := dial(l)
				send(client, request)
				synctest.Wait()
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				leave <- true
				if got, err := io.ReadAll(from); string(got) != "mine" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				<-served
			})
		})
	}
}

func TestHijackOfAnAnswerThatBegan(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		if _, _, err := http.NewResponseController(w).Hijack(); err == nil {
			t.Error("taken over")
		}
	})
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		send(client, get("/"))
		if response, _ := receive(t, from); response.StatusCode != http.StatusAccepted {
			t.Errorf("%s", response.Status)
		}
		client.Close()
	})
}

// Answers of every size, declared or not and in any number of pieces, arrive whole.
func TestLargeAnswers(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var size, piece, declared int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d/%d/%d", &size, &piece, &declared)
		if declared > 0 {
			w.Header()["Content-Length"] = []string{fmt.Sprint(size)}
			w.Header()["Content-Type"] = []string{"text/plain"}
		}
		for sent := 0; sent < size; {
			n, err := w.Write(pattern[sent:min(size, sent+piece)])
			if err != nil || n == 0 {
				t.Errorf("wrote %d, %v", n, err)
				return
			}
			sent += n
		}
	})
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		defer client.Close()
		for _, size := range []int{0, 1, httpserver.MaxCopied - 200, httpserver.MaxCopied, httpserver.MaxCopied + 1, 300_000} {
			for _, piece := range []int{1000, httpserver.MaxCopied, 1 << 20} {
				for declared := range 2 {
					send(client, get(fmt.Sprintf("/%d/%d/%d", size, piece, declared)))
					if _, body := receive(t, from); body != string(pattern[:size]) {
						t.Errorf("of %d in pieces of %d, declared %d: %d bytes", size, piece, declared, len(body))
					}
				}
			}
		}
	})
}

// pattern is a body in which no two places are alike.
var pattern = func() (b []byte) {
	for i := 0; len(b) < 300_000; i++ {
		b = fmt.Appendf(b, "%d ", i)
	}
	return b
}()

// Bodies of requests of every size, between other requests, arrive whole, whichever of
// the two servers reads them.
func TestRequestsOfAllSizes(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body), bytes.Equal(body, pattern[:len(body)]), err)
	})
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		for _, size := range []int{1, 3000, httpserver.MaxHead, httpserver.MaxHead + 1, httpserver.MaxRequest - 60, httpserver.MaxRequest + 1, 250_000} {
			post := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, pattern[:size])
			client, from := dial(l)
			send(client, strings.Repeat(post+get("/"), 5))
			for range 5 {
				if _, got := receive(t, from); got != fmt.Sprint(size, true, nil) {
					t.Errorf("%d: %s", size, got)
				}
				if _, got := receive(t, from); got != fmt.Sprint(0, true, nil) {
					t.Errorf("after %d: %s", size, got)
				}
			}
			client.Close()
		}
	})
}

// Informational answers are left out, and Connection is read as RFC 9110 has it,
// both unlike net/http.
func TestAnswersOfTheirOwn(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Connection", "Close")
		_, _ = io.WriteString(w, "abc")
	})
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		send(client, get("/"))
		if response, body := receive(t, from); response.StatusCode != http.StatusOK || body != "abc" || !response.Close {
			t.Errorf("%s %q, close %v", response.Status, body, response.Close)
		}
		ended(t, from)
	})
}

func TestDates(t *testing.T) {
	inMemory(t, &http.Server{Handler: byPath}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		defer client.Close()
		for range 5 {
			<-time.After(400 * time.Millisecond)
			send(client, get("/ignore"))
			if response, _ := receive(t, from); response.Header.Get("Date") != time.Now().UTC().Format(http.TimeFormat) {
				t.Errorf("%v at %v", response.Header["Date"], time.Now())
			}
		}
	})
}

// An invalid length is not sent.
func TestAnswerWithAWrongLength(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.URL.RawQuery)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "abc")
	})
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		defer client.Close()
		for _, length := range []string{"-3", "x", "", "9223372036854775808"} {
			send(client, get("/?"+length))
			if response, body := receive(t, from); body != "abc" || response.ContentLength != 3 {
				t.Errorf("%q: %q, %d", length, body, response.ContentLength)
			}
		}
	})
}

func TestPanicsAreLogged(t *testing.T) {
	var logged bytes.Buffer
	inMemory(t, &http.Server{Handler: byPath, ErrorLog: log.New(&logged, "", 0)}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		for _, path := range []string{"/panic-late", "/abort"} {
			client, from := dial(l)
			send(client, get(path))
			ended(t, from)
		}
	})
	if got := logged.String(); strings.Count(got, "http: panic serving pipe: of the handler") != 1 || !strings.Contains(got, "compare_test.go") || strings.Contains(got, "abort") {
		t.Errorf("logged %q", got)
	}
}

// A client that takes its time is waited for until the deadline, which earlier
// requests do not shorten, and gets all of the answer.
func TestSlowClients(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = []string{fmt.Sprint(len(pattern))}
		w.Header()["Content-Type"] = nil
		for part := range slices.Chunk(pattern, 100_000) {
			_, _ = w.Write(part)
		}
	})
	for _, test := range []struct {
		pause time.Duration // before each of ten pieces
		whole bool
	}{{2 * time.Second, true}, {4 * time.Second, false}} {
		inMemory(t, &http.Server{Handler: h, WriteTimeout: 30 * time.Second}, func(t *testing.T, _ *httpserver.Front, l *conns) {
			client, from := dial(l)
			defer client.Close()
			send(client, get("/"))
			receive(t, from)
			<-time.After(20 * time.Second) // a deadline of before strikes meanwhile
			send(client, get("/"))
			var got bytes.Buffer
			for range 10 {
				<-time.After(test.pause)
				_, _ = io.CopyN(&got, from, int64(len(pattern)/10))
			}
			if !test.whole {
				if _, err := io.Copy(&got, from); err != nil || got.Len() > len(pattern) {
					t.Errorf("%d bytes, %v", got.Len(), err)
				}
				return
			}
			if response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(&got, from)), nil); err != nil {
				t.Error(err)
			} else if body, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(body, pattern) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		})
	}
}

// moved counts how often the deadlines of a connection are moved.
type moved struct {
	net.Conn
	times int
}

func (c *moved) SetReadDeadline(t time.Time) error {
	c.times++
	return c.Conn.SetReadDeadline(t)
}

func (c *moved) SetWriteDeadline(t time.Time) error {
	c.times++
	return c.Conn.SetWriteDeadline(t)
}

// The point of it: a busy connection hardly ever moves a timer.
func TestDeadlinesAreRarelyMoved(t *testing.T) {
	rest := &http.Server{Handler: byPath, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 5 * time.Second}
	inMemory(t, rest, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, other := net.Pipe()
		defer client.Close()
		server := &moved{Conn: other}
		l.accept <- server
		from := bufio.NewReader(client)
		for range 100 {
			<-time.After(50 * time.Millisecond)
			send(client, get("/ignore"))
			receive(t, from)
		}
		synctest.Wait()
		if server.times > 3 {
			t.Errorf("%d moves", server.times)
		}
	})
}

// What was read of a request that ends in a time-out is judged by net/http at once.
func TestTimeoutOfABody(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); string(body) != "abc" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q, %v", body, err)
		}
		w.WriteHeader(http.StatusRequestTimeout)
	})
	inMemory(t, &http.Server{Handler: h, ReadTimeout: 10 * time.Second}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		began := time.Now()
		client, from := dial(l)
		send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
		response, _ := receive(t, from)
		if took := time.Since(began); response.StatusCode != http.StatusRequestTimeout || took != 10*time.Second {
			t.Errorf("%s after %v", response.Status, took)
		}
	})
}

// A handler that ends its goroutine ends its connection, too.
func TestHandlerThatExits(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		send(client, get("/"))
		ended(t, from)
	})
}

// A body that was not read is gone with its request: its memory belongs to others.
func TestBodyAfterItsRequest(t *testing.T) {
	var kept io.Reader
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kept = r.Body })
	inMemory(t, &http.Server{Handler: h}, func(t *testing.T, _ *httpserver.Front, l *conns) {
		client, from := dial(l)
		defer client.Close()
		send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecret")
		receive(t, from)
		synctest.Wait()
		if body, err := io.ReadAll(kept); len(body) > 0 || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	})
}

// addressless is a connection whose client had gone before it was accepted.
type addressless struct{ net.Conn }

func (addressless) RemoteAddr() net.Addr { return nil }

func TestConnectionWithoutAddress(t *testing.T) {
	p := newPair(t, byPath)
	for _, l := range []*conns{p.reference, p.ours} {
		client, server := net.Pipe()
		l.accept <- addressless{server}
		send(client, get("/ignore"))
		if _, body := receive(t, bufio.NewReader(client)); body != "ignored" {
			t.Errorf("%q", body)
		}
		client.Close()
	}
}

// Connections share nothing that one could spoil for another.
func TestManyConnections(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.Header.Get("X-Name"), body)
	})
	l := serveOn(t, httpserver.NewFront(&http.Server{Handler: h}))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			client, from := dial(l)
			defer client.Close()
			for n := range 50 {
				name := fmt.Sprintf("%d-%d", i, n)
				body := strings.Repeat(name, 1+n*100)
				more := ""
				if i%4 == 0 { // for net/http, on a new connection
					client.Close()
					client, from = dial(l)
					more = "Pragma: x\r\n"
				}
				send(client, fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: x\r\nX-Name: %s\r\n%sContent-Length: %d\r\n\r\n%s", name, name, more, len(body), body))
				if _, got := receive(t, from); got != "/"+name+" "+name+" "+body {
					t.Errorf("%s: %.100q", name, got)
				}
			}
		})
	}
	all.Wait()
}

package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/test/harness/profile"
)

// watched is the server's end of a connection. It counts how often its
// deadlines are moved and what is sent, and tells when it is closed.
type watched struct {
	net.Conn
	reads, writes int // moves
	sent          int // bytes
	closed        chan time.Time
	closing       sync.Once
}

func (w *watched) SetReadDeadline(t time.Time) error {
	w.reads++
	return w.Conn.SetReadDeadline(t)
}

func (w *watched) SetWriteDeadline(t time.Time) error {
	w.writes++
	return w.Conn.SetWriteDeadline(t)
}

func (w *watched) Close() error {
	w.closing.Do(func() { w.closed <- time.Now() })
	return w.Conn.Close()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.sent += n
	return n, err
}

// after lets time pass, that of synctest.
func after(d time.Duration) { <-time.After(d) }

// Deadlines strike when they should, to the instant, however they were moved
// before and while a call waits.
func TestConnDeadlines(t *testing.T) {
	const never = 0
	type step struct{ at, deadline time.Duration } // of the deadline: after at; negative: long past; never: lifted
	for _, test := range []struct {
		name   string
		before []step // the call
		during []step
		ends   time.Duration // with a time-out
	}{
		{"kept", []step{{0, 5 * time.Second}}, nil, 5 * time.Second},
		{"moved away before", []step{{0, 5 * time.Second}, {0, 9 * time.Second}}, nil, 9 * time.Second},
		{"moved near before", []step{{0, 9 * time.Second}, {0, 5 * time.Second}}, nil, 5 * time.Second},
		{"moved away meanwhile", []step{{0, 5 * time.Second}}, []step{{2 * time.Second, 10 * time.Second}}, 12 * time.Second},
		{"moved away again and again", []step{{0, 2 * time.Second}}, []step{{time.Second, 2 * time.Second}, {2 * time.Second, 3 * time.Second}, {4 * time.Second, 4 * time.Second}}, 8 * time.Second},
		{"moved near meanwhile", []step{{0, 9 * time.Second}}, []step{{2 * time.Second, time.Second}}, 3 * time.Second},
		{"set meanwhile", nil, []step{{2 * time.Second, time.Second}}, 3 * time.Second},
		{"lifted and set again", []step{{0, 2 * time.Second}, {0, never}}, []step{{5 * time.Second, time.Second}}, 6 * time.Second},
		{"interrupted", []step{{0, 9 * time.Second}}, []step{{2 * time.Second, -1}}, 2 * time.Second},
		{"past before", []step{{0, -1}}, nil, 0},
		{"past, then not", []step{{0, -1}, {0, 3 * time.Second}}, nil, 3 * time.Second},
		{"struck, then moved", []step{{0, time.Second}, {4 * time.Second, 3 * time.Second}}, nil, 7 * time.Second},
	} {
		set := func(c net.Conn, s step) {
			at := time.Time{}
			if s.deadline != never {
				at = time.Now().Add(s.deadline)
			}
			if s.deadline < 0 {
				at = time.Unix(1, 0)
			}
			if err := c.SetDeadline(at); err != nil {
				t.Error(err)
			}
		}
		for kind, call := range map[string]func(net.Conn) error{
			"read":  func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
			"write": func(c net.Conn) error { _, err := c.Write([]byte("x")); return err },
		} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					other, one := net.Pipe()
					defer other.Close()
					c := httpapi.NewConn(one)
					defer c.Close()
					began := time.Now()
					for _, s := range test.before {
						after(s.at - time.Since(began))
						set(c, s)
					}
					for _, s := range test.during {
						time.AfterFunc(s.at-time.Since(began), func() { set(c, s) })
					}
					err := call(c)
					if took := time.Since(began); took != test.ends || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("ended after %s with %v, want a time-out after %s", took, err, test.ends)
					}
					var timeout net.Error
					if !errors.As(err, &timeout) || !timeout.Timeout() {
						t.Errorf("%v is no time-out to net/http", err)
					}
				})
			})
		}
	}
}

// A connection that was interrupted can be read from afterwards: net/http does so
// between two requests.
func TestConnReadsAfterAnInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other, one := net.Pipe()
		defer other.Close()
		c := httpapi.NewConn(one)
		defer c.Close()
		go other.Write([]byte("ab"))
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Unix(1, 0))
		if _, err := c.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Time{})
		if _, err := c.Read(b); err != nil || b[0] != 'b' {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// A write that a deadline of before interrupts goes on where it was, and nothing
// is sent twice.
func TestConnGoesOnWithAWrite(t *testing.T) {
	for name, write := range map[string]func(net.Conn, []byte) (int, error){
		"plain": func(c net.Conn, p []byte) (int, error) { return c.Write(p) },
		"corked": func(c net.Conn, p []byte) (n int, err error) {
			httpapi.Corked(c, func() {
				head, _ := c.Write(p[:3])
				n, err = c.Write(p[3:])
				n += head
			})
			return n, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				other, one := net.Pipe()
				defer other.Close()
				c := httpapi.NewConn(one)
				defer c.Close()
				_ = c.SetWriteDeadline(time.Now().Add(time.Second))
				time.AfterFunc(500*time.Millisecond, func() { _ = c.SetWriteDeadline(time.Now().Add(time.Hour)) })
				got := make(chan string)
				go func() { // takes a byte each 300 ms
					var all []byte
					one := make([]byte, 1)
					for range 8 {
						after(300 * time.Millisecond)
						if _, err := other.Read(one); err != nil {
							break
						}
						all = append(all, one...)
					}
					got <- string(all)
				}()
				if n, err := write(c, []byte("12345678")); n != 8 || err != nil {
					t.Errorf("%d bytes, %v", n, err)
				}
				if all := <-got; all != "12345678" {
					t.Errorf("received %q", all)
				}
			})
		})
	}
}

func TestConnTellsHowMuchWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other, one := net.Pipe()
		c := httpapi.NewConn(one)
		defer c.Close()
		go func() {
			_, _ = io.ReadFull(other, make([]byte, 5)) // the head, and two bytes
			other.Close()
		}()
		httpapi.Corked(c, func() {
			if n, err := c.Write([]byte("abc")); n != 3 || err != nil {
				t.Errorf("head: %d, %v", n, err)
			}
			if n, err := c.Write([]byte("defgh")); n != 2 || err == nil {
				t.Errorf("rest: %d, %v", n, err)
			}
		})
	})
}

func TestCorkedConn(t *testing.T) {
	full := strings.Repeat("h", httpapi.HeadSize)
	for _, test := range []struct {
		name   string
		writes []string
	}{
		{"nothing", nil},
		{"head alone", []string{"head"}},
		{"head and rest", []string{full, "rest"}},
		{"more than a head", []string{full + "!", "rest"}},
		{"many", []string{"a", "b", "c", "d", "e"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				other, one := net.Pipe()
				c := httpapi.NewConn(one)
				got := make(chan string)
				go func() {
					all, _ := io.ReadAll(other)
					got <- string(all)
				}()
				for range 2 { // the second time is as the first
					httpapi.Corked(c, func() {
						reused := make([]byte, 0, 2*httpapi.HeadSize) // as net/http reuses its buffer
						for _, text := range test.writes {
							reused = append(reused[:0], text...)
							if n, err := c.Write(reused); n != len(text) || err != nil {
								t.Fatalf("%d, %v", n, err)
							}
						}
					})
				}
				if _, err := c.Write([]byte(".")); err != nil {
					t.Fatal(err)
				}
				c.Close()
				if all, want := <-got, strings.Repeat(strings.Join(test.writes, ""), 2)+"."; all != want {
					t.Errorf("received %d bytes, want %d", len(all), len(want))
				}
			})
		})
	}
}

// What was taken for sent and could not be sent ends the connection.
func TestUncorkClosesABrokenConn(t *testing.T) {
	other, one := net.Pipe()
	server := &watched{Conn: one, closed: make(chan time.Time, 1)}
	c := httpapi.NewConn(server)
	httpapi.Corked(c, func() {
		_, _ = c.Write([]byte("head"))
		other.Close()
	})
	select {
	case <-server.closed:
	default:
		t.Error("it is still open")
	}
}

// The client reads an answer to its end that it interrupts by sending on: net/http
// closes one direction for it.
func TestConnCloseWrite(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := httpapi.NewConn(accepted)
	defer c.Close()
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client: %v", err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the server: %d, %v", n, err)
	}

	_, pipe := net.Pipe()
	if err := httpapi.NewConn(pipe).(interface{ CloseWrite() error }).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a pipe: %v", err)
	}
}

// memoryListener is a listener without a port.
type memoryListener struct {
	conns chan net.Conn
	ended chan struct{}
}

func newMemoryListener() *memoryListener {
	return &memoryListener{make(chan net.Conn), make(chan struct{})}
}

func (p *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *memoryListener) Close() error   { close(p.ended); return nil }
func (p *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *memoryListener) dial() (client net.Conn, server *watched) {
	client, other := net.Pipe()
	server = &watched{Conn: other, closed: make(chan time.Time, 1)}
	p.conns <- server
	return client, server
}

// inMemory has a server with the given time-outs serve while test runs, in
// the fake time of synctest.
func inMemory(t *testing.T, h http.Handler, o httpapi.ServerOptions, test func(*testing.T, *memoryListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener, served := newMemoryListener(), make(chan error)
		s := httpapi.NewServer(h, o)
		go func() { served <- s.ServeOn(listener) }()
		test(t, listener)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

var timeouts = httpapi.ServerOptions{
	ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, KeepAliveTimeout: 7 * time.Second,
}

const liveness = "GET /proxy/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n"

// Every time-out ends a connection when it should, with other requests before it
// on the connection or without.
func TestServerTimeouts(t *testing.T) {
	large := make([]byte, 1<<20)
	handler := func(t *testing.T) http.Handler {
		api := newAPI(t, nil)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/large" {
				_, _ = w.Write(large)
				return
			}
			api.ServeHTTP(w, r)
		})
	}
	for _, test := range []struct {
		name    string
		request string
		answer  string // how it begins
		after   time.Duration
	}{
		{"header", "GET /health HTTP/1.1\r\nHost:", "", 5 * time.Second},
		{"body", "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 408 ", 10 * time.Second},
		{"idle", liveness, "HTTP/1.1 200 ", 7 * time.Second},
		{"answer", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", 30 * time.Second},
	} {
		for _, before := range []int{0, 1, 12} {
			t.Run(fmt.Sprintf("%s after %d", test.name, before), func(t *testing.T) {
				inMemory(t, handler(t), timeouts, func(t *testing.T, listener *memoryListener) {
					client, server := listener.dial()
					defer client.Close()
					for range before {
						after(3 * time.Second) // time-outs of before strike meanwhile
						exchange(t, client, liveness)
					}
					began := time.Now()
					fmt.Fprint(client, test.request)
					got := make([]byte, 512)
					n, _ := client.Read(got)
					// After an answer that leaves a body unread net/http waits for a
					// moment, so that the client gets to read it.
					const lingering = 500 * time.Millisecond
					if took := (<-server.closed).Sub(began); took != test.after && took != test.after+lingering {
						t.Errorf("closed after %s, want %s", took, test.after)
					}
					if !strings.HasPrefix(string(got[:n]), test.answer) || test.answer == "" && n > 0 {
						t.Errorf("got %q", got[:n])
					}
				})
			})
		}
	}
}

// exchange sends a request and reads the answer, which must be small.
func exchange(t *testing.T, client net.Conn, request string) string {
	t.Helper()
	if _, err := io.WriteString(client, request); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64<<10)
	n, err := client.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

// The point of it: a busy connection hardly ever moves a timer.
func TestDeadlinesAreRarelyMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other, one := net.Pipe()
		defer other.Close()
		server := &watched{Conn: one, closed: make(chan time.Time, 1)}
		c := httpapi.NewConn(server)
		defer c.Close()
		for range 100 { // as net/http does between requests
			_ = c.SetDeadline(time.Now().Add(time.Second))
			_ = c.SetReadDeadline(time.Unix(1, 0))
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Fatal("read something")
			}
			_ = c.SetReadDeadline(time.Time{})
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		go func() {
			synctest.Wait() // for a read to wait
			for range 100 {
				_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			}
			_, _ = other.Write([]byte("x"))
		}()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if server.reads != 1 || server.writes != 0 {
			t.Errorf("%d moves for reading, %d for writing", server.reads, server.writes)
		}
	})
}

// The point of it: when a handler is done its answer has left, so that net/http has
// nothing to send afterwards.
func TestAnswersLeaveWhole(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(t, profile.ClientKey, string(profile.Document(profile.Default()))))
		o.Query = q
	})
	listeners := make(chan *watched, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server := <-listeners
		api.ServeHTTP(w, r)
		if length, _ := strconv.Atoi(w.Header().Get("Content-Length")); length == 0 || server.sent <= length {
			t.Errorf("%s %s: %d bytes were sent of a body of %d", r.Method, r.URL, server.sent, length)
		}
	})
	inMemory(t, h, timeouts, func(t *testing.T, listener *memoryListener) {
		for _, request := range []string{
			"GET /api/v1/flags/ HTTP/1.1\r\nX-Environment-Key: " + profile.ClientKey + "\r\nHost: x\r\nConnection: close\r\n\r\n",
			"GET /api/v1/identities/?identifier=u HTTP/1.1\r\nX-Environment-Key: " + profile.ClientKey + "\r\nHost: x\r\nConnection: close\r\n\r\n",
			"GET /api/v1/environment-document HTTP/1.1\r\nX-Environment-Key: " + serverKeyOf(profile.ClientKey) + "\r\nHost: x\r\nConnection: close\r\n\r\n",
		} {
			client, server := listener.dial()
			listeners <- server
			fmt.Fprint(client, request)
			_, _ = io.Copy(io.Discard, client)
		}
	})
}

// Answers that leave together with their headers are the ones that net/http would
// send, for every kind of request.
func TestWholeAnswersOverTheWire(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(t, profile.ClientKey, string(profile.Document(profile.Default()))))
		o.Query = q
	})
	s := start(t, api, timeouts)
	conn, from := s.dial(t)
	client, server := "X-Environment-Key: "+profile.ClientKey, "X-Environment-Key: "+serverKeyOf(profile.ClientKey)
	body := profile.IdentityBody("user-42")
	type wanted struct {
		*http.Request
		body string
	}
	requests := []wanted{
		{request("GET", "/api/v1/flags/", "", client), ""},
		{request("GET", "/api/v1/flags/", "", client, "Accept-Encoding: gzip"), ""},
		{request("HEAD", "/api/v1/flags/", "", client), ""},
		{request("GET", "/api/v1/environment-document", "", server), ""},
		{request("HEAD", "/api/v1/environment-document", "", server), ""},
		{request("GET", "/api/v1/environment-document", "", server, "Accept-Encoding: gzip"), ""},
		{request("GET", "/api/v1/environment-document", "", server, "If-None-Match: *"), ""},
		{request("POST", "/api/v1/identities/", body, client, "Content-Type: application/json"), body},
		{request("POST", "/api/v1/identities/", body, client, "Content-Type: application/json", "Accept-Encoding: gzip"), body},
		{request("GET", "/api/v1/identities/?identifier=u", "", client), ""},
		{request("GET", "/api/v1/flags/", ""), ""},
	}
	go func() { // all at once: each answer waits for none of the requests
		var all bytes.Buffer
		for range 3 {
			for _, r := range requests {
				out := r.Clone(t.Context())
				out.Body = io.NopCloser(strings.NewReader(r.body))
				_ = out.Write(&all)
			}
		}
		_, _ = conn.Write(all.Bytes())
	}()
	for range 3 {
		for _, r := range requests {
			in := r.Clone(t.Context())
			in.Body = io.NopCloser(strings.NewReader(r.body))
			want := serve(api, in)
			got, err := http.ReadResponse(from, r.Request)
			if err != nil {
				t.Fatalf("%s %s: %v", r.Method, r.URL, err)
			}
			gotBody, err := io.ReadAll(got.Body)
			if err != nil {
				t.Fatalf("%s %s: %v", r.Method, r.URL, err)
			}
			wantBody := want.Body.String()
			if r.Method == http.MethodHead {
				wantBody = ""
			}
			if got.StatusCode != want.Code || string(gotBody) != wantBody || got.Close || got.Header.Get("Content-Length") != want.Header().Get("Content-Length") {
				t.Errorf("%s %s: %d, %d bytes, close %v; want %d, %d bytes", r.Method, r.URL, got.StatusCode, len(gotBody), got.Close, want.Code, len(wantBody))
			}
		}
	}
}

// A client that goes away in the middle of an answer harms nobody.
func TestClientsThatGoInTheMiddle(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(t, profile.ClientKey, string(profile.Document(profile.Size{Features: 400, Segments: 40, Conditions: 5}))))
		o.Query = q
	})
	done := make(chan bool, 1)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { done <- true }()
		api.ServeHTTP(w, r)
	}), timeouts)
	get := "GET /api/v1/environment-document HTTP/1.1\r\nHost: x\r\nX-Environment-Key: " + serverKeyOf(profile.ClientKey) + "\r\n\r\n"
	for range 5 {
		conn, _ := s.dial(t)
		fmt.Fprint(conn, get)
		if _, err := io.ReadFull(conn, make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		<-done // at once, not after WriteTimeout: the test's own deadline sees to that
	}
	conn, from := s.dial(t)
	fmt.Fprint(conn, get)
	if response, body := receive(t, from); response.StatusCode != 200 || int64(len(body)) != response.ContentLength {
		t.Errorf("%s, %d bytes", response.Status, len(body))
	}
}

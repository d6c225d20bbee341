package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// watched is the server's end of a connection. It counts what is sent and tells
// when it is closed.
type watched struct {
	net.Conn
	writes  int
	closed  chan time.Time
	closing sync.Once
}

func (w *watched) Close() error {
	w.closing.Do(func() { w.closed <- time.Now() })
	return w.Conn.Close()
}

func (w *watched) Write(p []byte) (int, error) {
	w.writes++
	return w.Conn.Write(p)
}

// after lets time pass, that of synctest.
func after(d time.Duration) { <-time.After(d) }

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
func inMemory(t *testing.T, h http.Handler, o httpserver.Options, test func(*testing.T, *memoryListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener, served := newMemoryListener(), make(chan error)
		o.Listen = func(context.Context, string, string) (net.Listener, error) { return listener, nil }
		s := httpserver.New(h, o)
		if _, err := s.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() { served <- s.Serve() }()
		test(t, listener)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

var timeouts = httpserver.Options{
	ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, KeepAliveTimeout: 7 * time.Second,
}

const liveness = "GET /proxy/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n"

// Every time-out ends a connection when it should, with other requests before it
// on the connection or without.
func TestServerTimeouts(t *testing.T) {
	on(t, timeouts, func(t *testing.T, o httpserver.Options) {
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
					inMemory(t, handler(t), o, func(t *testing.T, listener *memoryListener) {
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
	})
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

// An answer that is small enough leaves with one write.
func TestAnswersLeaveWhole(t *testing.T) {
	api := newAPI(t, serveProfile(t))
	inMemory(t, api, timeouts, func(t *testing.T, listener *memoryListener) {
		for _, request := range []string{
			"GET /api/v1/flags/ HTTP/1.1\r\nX-Environment-Key: " + profile.ClientKey + "\r\nHost: x\r\n\r\n",
			"GET /api/v1/flags/?feature=feature_001 HTTP/1.1\r\nX-Environment-Key: " + profile.ClientKey + "\r\nHost: x\r\n\r\n",
			"GET /api/v1/identities/?identifier=u HTTP/1.1\r\nX-Environment-Key: " + profile.ClientKey + "\r\nHost: x\r\n\r\n",
		} {
			client, server := listener.dial()
			answer := exchange(t, client, request)
			if _, body, _ := strings.Cut(answer, "\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") || body == "" {
				t.Errorf("%q: %.100s", request, answer)
			}
			client.Close()
			<-server.closed
			if server.writes != 1 {
				t.Errorf("%q: %d writes", request, server.writes)
			}
		}
	})
}

// serveProfile has an API serve the document of the sizing profile.
func serveProfile(t *testing.T) func(*httpapi.Options) {
	return func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(t, profile.ClientKey, string(profile.Document(profile.Default()))))
		o.Query = q
	}
}

// Answers come over the wire as the API makes them, for every kind of request.
func TestWholeAnswersOverTheWire(t *testing.T) {
	on(t, timeouts, func(t *testing.T, o httpserver.Options) {
		api := newAPI(t, serveProfile(t))
		s := start(t, api, o)
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
	})
}

// A client that goes away in the middle of an answer harms nobody.
func TestClientsThatGoInTheMiddle(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(t, profile.ClientKey, string(profile.Document(profile.Size{Features: 400, Segments: 40, Conditions: 5}))))
		o.Query = q
	})
	on(t, timeouts, func(t *testing.T, o httpserver.Options) {
		done := make(chan bool, 1)
		s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { done <- true }()
			api.ServeHTTP(w, r)
		}), o)
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
	})
}

// running is a server on a port of its own.
type running struct {
	*httpserver.Server
	addr   string
	served chan error
}

func start(t *testing.T, h http.Handler, o httpserver.Options) *running {
	t.Helper()
	o.Host = "127.0.0.1"
	s := &running{Server: httpserver.New(h, o), served: make(chan error, 1)}
	var err error
	if s.addr, err = s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() { s.served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-s.served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial opens a connection to write requests to by hand.
func (s *running) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn, bufio.NewReader(conn)
}

// receive reads an answer and its body.
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

func TestServerAnswersOverTheWire(t *testing.T) {
	on(t, httpserver.Options{}, func(t *testing.T, o httpserver.Options) {
		s := start(t, newAPI(t, nil), o)
		conn, from := s.dial(t)
		const body = `{"identifier":"u"}`
		answer := `{"identifier":"u","traits":[],"flags":[` + checkout + "," + cafe + `]}`
		for _, test := range []struct {
			name, request string
			status        int
			body          string
		}{
			{"GET", "GET /api/v1/flags?feature=checkout HTTP/1.1\r\nHost: x\r\nx-environment-key: client\r\n\r\n", 200, plain(checkout)},
			{"length", "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\nContent-Length: 18\r\n\r\n" + body, 200, answer},
			{"chunked", "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + "\r\nd\r\n" + body[5:] + "\r\n0\r\n\r\n", 200, answer},
			{"body left alone", "POST /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n" + body, 405, `{"detail":"Method Not Allowed"}`},
			{"odd path", "GET //api/../v1 HTTP/1.1\r\nHost: x\r\n\r\n", 404, `{"detail":"Not Found"}`},
			{"whole server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, `{"detail":"Not Found"}`},
			{"absolute form", "GET http://proxy.test/api/v1/flags/?feature=checkout HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\n\r\n", 200, plain(checkout)},
		} {
			if _, err := io.WriteString(conn, test.request); err != nil {
				t.Fatal(err)
			}
			if response, got := receive(t, from); response.StatusCode != test.status || got != test.body || response.Close {
				t.Errorf("%s: %d %s, close %v", test.name, response.StatusCode, got, response.Close)
			}
		}

		// The body is asked for, then sent.
		fmt.Fprint(conn, "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\nContent-Length: 18\r\nExpect: 100-continue\r\n\r\n")
		if line, err := from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := from.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, body)
		if _, got := receive(t, from); got != answer {
			t.Errorf("after 100: %s", got)
		}

		// It is not asked for when it is too large.
		fmt.Fprint(conn, "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
		if response, got := receive(t, from); response.StatusCode != 413 || got != `{"detail":"Request Entity Too Large"}` || !response.Close {
			t.Errorf("too large: %d %s, close %v", response.StatusCode, got, response.Close)
		}
		if _, err := from.ReadByte(); err != io.EOF {
			t.Errorf("the connection is still open: %v", err)
		}
	})
}

func TestTimeouts(t *testing.T) {
	const soon = 30 * time.Millisecond
	for _, test := range []struct {
		name    string
		options httpserver.Options
		request string
		answer  string // how the answer begins before the connection is closed
	}{
		{"header", httpserver.Options{ReadHeaderTimeout: soon}, "GET /health HTTP/1.1\r\nHost:", ""},
		{"idle", httpserver.Options{KeepAliveTimeout: soon}, "GET /proxy/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
		{"body", httpserver.Options{ReadTimeout: soon}, "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 408 Request Timeout"},
	} {
		on(t, test.options, func(t *testing.T, o httpserver.Options) {
			s := start(t, newAPI(t, nil), o)
			conn, from := s.dial(t)
			fmt.Fprint(conn, test.request)
			got, err := io.ReadAll(from) // to the end of the connection
			if err != nil || !strings.HasPrefix(string(got), test.answer) || test.answer == "" && len(got) > 0 {
				t.Errorf("%s: got %q, %v", test.name, got, err)
			}
		})
	}
}

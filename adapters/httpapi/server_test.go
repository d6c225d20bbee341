package httpapi_test

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
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// running is a server on a port of its own.
type running struct {
	*httpapi.Server
	addr   string
	served chan error
}

func start(t *testing.T, h http.Handler, o httpapi.ServerOptions) *running {
	t.Helper()
	o.Host = "127.0.0.1"
	s := &running{Server: httpapi.NewServer(h, o), served: make(chan error, 1)}
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
	s := start(t, newAPI(t, nil), httpapi.ServerOptions{})
	conn, from := s.dial(t)
	const body = `{"identifier":"u"}`
	answer := `{"identifier":"u","traits":[],"flags":[` + checkout + "," + cafe + `]}`
	for _, test := range []struct {
		name, request string
		status        int
		body          string
	}{
		{"GET", "GET /api/v1/flags?feature=checkout HTTP/1.1\r\nHost: x\r\nx-environment-key: client\r\n\r\n", 200, checkout},
		{"length", "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\nContent-Length: 18\r\n\r\n" + body, 200, answer},
		{"chunked", "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + "\r\nd\r\n" + body[5:] + "\r\n0\r\n\r\n", 200, answer},
		{"body left alone", "POST /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n" + body, 405, `{"detail":"Method Not Allowed"}`},
		{"odd path", "GET //api/../v1 HTTP/1.1\r\nHost: x\r\n\r\n", 404, `{"detail":"Not Found"}`},
		{"whole server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, `{"detail":"Not Found"}`},
		{"absolute form", "GET http://proxy.test/api/v1/flags/?feature=checkout HTTP/1.1\r\nHost: x\r\nX-Environment-Key: client\r\n\r\n", 200, checkout},
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
}

func TestHeaderLimit(t *testing.T) {
	s := start(t, newAPI(t, nil), httpapi.ServerOptions{MaxHeaderBytes: 1000})
	conn, from := s.dial(t)
	fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 10_000))
	if response, _ := receive(t, from); response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", response.Status)
	}
}

func TestTimeouts(t *testing.T) {
	const soon = 30 * time.Millisecond
	for _, test := range []struct {
		name    string
		options httpapi.ServerOptions
		request string
		answer  string // how the answer begins before the connection is closed
	}{
		{"header", httpapi.ServerOptions{ReadHeaderTimeout: soon}, "GET /health HTTP/1.1\r\nHost:", ""},
		{"idle", httpapi.ServerOptions{KeepAliveTimeout: soon}, "GET /proxy/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
		{"body", httpapi.ServerOptions{ReadTimeout: soon}, "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 408 Request Timeout"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, newAPI(t, nil), test.options)
			conn, from := s.dial(t)
			fmt.Fprint(conn, test.request)
			got, err := io.ReadAll(from) // to the end of the connection
			if err != nil || !strings.HasPrefix(string(got), test.answer) || test.answer == "" && len(got) > 0 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestDrainEndsConnectionsAfterTheirNextAnswer(t *testing.T) {
	s := start(t, newAPI(t, nil), httpapi.ServerOptions{})
	conn, from := s.dial(t)
	const get = "GET /proxy/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n"
	fmt.Fprint(conn, get)
	if response, _ := receive(t, from); response.Close {
		t.Error("closed before draining")
	}
	s.Drain()
	fmt.Fprint(conn, get) // on a connection that was idle
	if response, _ := receive(t, from); response.StatusCode != 200 || !response.Close {
		t.Errorf("%s, close %v", response.Status, response.Close)
	}
	if _, err := from.ReadByte(); err != io.EOF {
		t.Errorf("still open, or reset: %v", err)
	}
	conn, from = s.dial(t) // a new one
	fmt.Fprint(conn, "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")
	if response, _ := receive(t, from); response.StatusCode != 404 || !response.Close {
		t.Errorf("%s, close %v", response.Status, response.Close)
	}
}

func TestShutdownWaitsForRequestsInFlight(t *testing.T) {
	begun, finish := make(chan bool), make(chan bool)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		begun <- true
		<-finish
		fmt.Fprint(w, "done")
	}), httpapi.ServerOptions{})
	idle, fromIdle := s.dial(t)
	busy, fromBusy := s.dial(t)
	fmt.Fprint(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	finish <- true
	receive(t, fromIdle)
	fmt.Fprint(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
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
}

func TestShutdownIsBounded(t *testing.T) {
	begun := make(chan bool)
	s := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- true
		<-r.Context().Done()
	}), httpapi.ServerOptions{})
	conn, _ := s.dial(t)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestListenOnATakenPort(t *testing.T) {
	taken := start(t, http.NotFoundHandler(), httpapi.ServerOptions{})
	_, port, _ := net.SplitHostPort(taken.addr)
	var number int
	fmt.Sscan(port, &number)
	_, err := httpapi.NewServer(http.NotFoundHandler(), httpapi.ServerOptions{Host: "127.0.0.1", Port: number}).Listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("got %v", err)
	}
}

// net/http's own reports reach the logger, without keys.
func TestServerErrorsAreLoggedWithoutSecrets(t *testing.T) {
	var log lockedBuffer
	s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("with " + serverKey) }),
		httpapi.ServerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	conn, from := s.dial(t)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := from.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if got := log.String(); !strings.Contains(got, "panic") || strings.Contains(got, serverKey) {
		t.Errorf("logged %q", got)
	}
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

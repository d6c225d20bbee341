package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/domain"
)

// announcements are an app.Announcements that a test speaks through.
type announcements struct {
	mu        sync.Mutex
	listeners map[chan time.Time]domain.EnvironmentKey
}

func (a *announcements) Listen(key domain.EnvironmentKey) (<-chan time.Time, func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := make(chan time.Time, 1)
	if a.listeners == nil {
		a.listeners = map[chan time.Time]domain.EnvironmentKey{}
	}
	a.listeners[c] = key
	return c, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, c)
	}
}

func (a *announcements) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.listeners)
}

func (a *announcements) tell(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.listeners {
		select {
		case <-c:
		default:
		}
		c <- at
	}
}

// end tells that the environment is no longer served.
func (a *announcements) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.listeners {
		close(c)
		delete(a.listeners, c)
	}
}

// pipes is a listener of connections within the process, without buffers: what is
// not read blocks the writer, as with a network whose buffers are full.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newPipes() *pipes { return &pipes{connections: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.connections <- server
	return client
}

// openStream asks for the stream of path and returns what comes, line by line.
func openStream(t *testing.T, conn net.Conn, path string) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: proxy\r\nOrigin: https://app.example\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	return bufio.NewReader(answer.Body)
}

// block reads up to the next empty line.
func block(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		if line == "\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}

const streamPath = "/sse/environments/" + clientKey + "/stream"

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := new(announcements)
		api := newAPI(t, func(o *httpapi.Options) { o.Announcements = told })
		listener := newPipes()
		// Time-outs that a stream must outlive.
		server := &http.Server{Handler: api, ReadTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()

		good, stalled := listener.dial(), listener.dial()
		events := openStream(t, good, streamPath)
		if got := block(t, events); got != ": connected\n" {
			t.Errorf("first %q", got)
		}
		slow := openStream(t, stalled, streamPath+"/")
		if got := block(t, slow); got != ": connected\n" {
			t.Errorf("first %q", got)
		}
		synctest.Wait()
		if n := told.count(); n != 2 {
			t.Fatalf("%d listeners, want 2", n)
		}
		// The stalled one reads nothing from here on.
		told.tell(time.UnixMicro(1767323045678901))
		if got := block(t, events); got != "event: environment_updated\ndata: {\"updated_at\": 1767323045.678901}\n" {
			t.Errorf("told %q", got)
		}
		if got := block(t, events); got != ": heartbeat\n" {
			t.Errorf("told %q", got)
		}
		synctest.Wait()
		if n := told.count(); n != 1 {
			t.Errorf("%d listeners, want the stalled one dropped by the time of a heartbeat", n)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, events)
			ended <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutting down with a stream open: %v", err)
		}
		api.EndStreams()
		if err := <-ended; err != nil {
			t.Errorf("the stream ends with %v, want a clean end", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		for _, c := range []net.Conn{good, stalled} {
			if err := c.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

func TestStreamsAreForKnownClientSideKeys(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.Announcements = new(announcements) })
	for path, want := range map[string]int{
		"/sse/environments/nope/stream":              http.StatusNotFound,
		"/sse/environments/" + serverKey + "/stream": http.StatusNotFound,
		"/sse/environments/" + clientKey:             http.StatusNotFound,
	} {
		if got := serve(api, request(http.MethodGet, path, "")).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got := serve(api, request(http.MethodHead, streamPath, "")); got.Code != http.StatusOK || got.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", got.Code, got.Body)
	}
	if got := serve(api, request(http.MethodPost, streamPath, "")).Code; got != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got)
	}
	if got := serve(newAPI(t, nil), request(http.MethodGet, streamPath, "")).Code; got != http.StatusNotFound {
		t.Errorf("without announcements: %d", got)
	}
}

// streaming is an API with a server for its streams, which ends with the test.
func streaming(t *testing.T, change func(*httpapi.Options)) (*httpapi.API, *announcements, *pipes) {
	t.Helper()
	told := new(announcements)
	api := newAPI(t, func(o *httpapi.Options) {
		o.Announcements = told
		if change != nil {
			change(o)
		}
	})
	listener := newPipes()
	server := &http.Server{Handler: api}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		api.EndStreams()
	})
	return api, told, listener
}

// listen opens a stream that has begun.
func listen(t *testing.T, p *pipes) *bufio.Reader {
	t.Helper()
	conn := p.dial()
	t.Cleanup(func() { _ = conn.Close() })
	events := openStream(t, conn, streamPath)
	if got := block(t, events); got != ": connected\n" {
		t.Fatalf("first %q", got)
	}
	synctest.Wait()
	return events
}

// wantEnd checks that nothing more comes and that the stream ended as it should.
func wantEnd(t *testing.T, events io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		t.Errorf("%q and %v, want a clean end", rest, err)
	}
}

func TestStreamsEndWithTheirEnvironment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, told, pipes := streaming(t, nil)
		events := listen(t, pipes)
		told.end()
		wantEnd(t, events)
	})
}

func TestAShutdownDoesNotWaitForAStalledListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, told, pipes := streaming(t, nil)
		good := listen(t, pipes)
		listen(t, pipes) // and reads nothing any more
		told.tell(time.UnixMicro(1767323045000000))
		block(t, good)
		synctest.Wait()
		began, ended := time.Now(), make(chan time.Time, 1)
		go func() {
			api.EndStreams()
			ended <- time.Now()
		}()
		wantEnd(t, good)
		if took := (<-ended).Sub(began); took > time.Second {
			t.Errorf("streams ended after %v", took)
		}
		wantEnd(t, listen(t, pipes)) // one that comes late ends at once
		api.EndStreams()             // once more, and nothing happens
	})
}

func TestStreamsWithoutChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, told, pipes := streaming(t, nil)
		conn := pipes.dial()
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "GET "+streamPath+" HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		events := bufio.NewReader(answer.Body)
		if got := block(t, events); got != ": connected\n" {
			t.Errorf("first %q", got)
		}
		synctest.Wait()
		told.tell(time.UnixMicro(1767323045000000))
		if got := block(t, events); got != "event: environment_updated\ndata: {\"updated_at\": 1767323045}\n" {
			t.Errorf("told %q", got)
		}
		go api.EndStreams()
		wantEnd(t, events)
	})
}

// What a listener says is not listened to, but that it goes is noticed at once.
func TestListenersThatTalkAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, told, pipes := streaming(t, nil)
		conn := pipes.dial()
		events := openStream(t, conn, streamPath)
		block(t, events)
		for range 3 {
			if _, err := io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 100)); err != nil {
				t.Fatal(err)
			}
		}
		told.tell(time.UnixMicro(1767323045000000))
		if got := block(t, events); !strings.HasPrefix(got, "event: ") {
			t.Errorf("told %q", got)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := told.count(); n != 0 {
			t.Errorf("%d listeners left", n)
		}
	})
}

// Reading what a listener says costs more than its stream, so it may not go on for
// ever.
func TestAListenerThatTalksWithoutEndIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, told, pipes := streaming(t, nil)
		conn := pipes.dial()
		defer func() { _ = conn.Close() }()
		block(t, openStream(t, conn, streamPath))
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := conn.Write(make([]byte, 1<<20)); err == nil || n < 8<<10 {
			t.Errorf("took %d bytes, %v", n, err)
		}
		synctest.Wait()
		if n := told.count(); n != 0 {
			t.Errorf("%d listeners left", n)
		}
	})
}

func TestStreamsAreLoggedWhenTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := make(chan httpapi.AccessRecord, 1)
		api, _, pipes := streaming(t, func(o *httpapi.Options) { o.Access = func(r httpapi.AccessRecord) { records <- r } })
		events := listen(t, pipes)
		if got := block(t, events); got != ": heartbeat\n" {
			t.Errorf("told %q", got)
		}
		select {
		case r := <-records:
			t.Fatalf("logged while it goes on: %+v", r)
		default:
		}
		go api.EndStreams()
		wantEnd(t, events)
		r := <-records
		if r.Path != streamPath || r.Method != http.MethodGet || r.Status != http.StatusOK || r.Duration != 20*time.Second || r.Bytes != int64(len(": connected\n\n: heartbeat\n\n")) {
			t.Errorf("%+v", r)
		}
	})
}

package sse_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
)

// updates are what topics listen to.
type updates struct {
	mu      sync.Mutex
	c       chan time.Time // nil: nobody listens
	listens int            // calls of listen
	open    int            // streams
}

func (u *updates) listen() (<-chan time.Time, func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := make(chan time.Time, 1)
	u.c = c
	u.listens++
	return c, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.c == c {
			u.c = nil
		}
	}
}

func (u *updates) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open += n
}

func (u *updates) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.open
}

// listening reports whether a topic listens, and how many did.
func (u *updates) listening() (bool, int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.c != nil, u.listens
}

// send sends a time, in the place of one that was not received yet.
func (u *updates) send(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	select {
	case <-u.c:
	default:
	}
	u.c <- at
}

// end closes the channel.
func (u *updates) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.c)
}

// pipes is a listener of connections within the process. They have no buffers: what
// is not read blocks the writer, as with a network whose buffers are full.
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

// openStream opens a stream and returns what comes, line by line.
func openStream(t *testing.T, conn net.Conn) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: proxy\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("X-Other") != "kept" {
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

// handler opens a stream for each request.
func handler(t *testing.T, s *sse.Streams, u *updates) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Other", "kept")
		sse.SetHeader(w.Header())
		u.add(1)
		if err := s.Join("key", u.listen).Open(w, r, sse.Events{Updated: sse.EnvironmentUpdated}, func(int64) { u.add(-1) }); err != nil {
			t.Error(err)
		}
	})
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, listener := sse.New(), new(updates), newPipes()
		// Time-outs that a stream must outlive.
		server := &http.Server{Handler: handler(t, streams, told), ReadTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()

		good, stalled := listener.dial(), listener.dial()
		events := openStream(t, good)
		if got := block(t, events); got != ": connected\n" {
			t.Errorf("first %q", got)
		}
		slow := openStream(t, stalled)
		if got := block(t, slow); got != ": connected\n" {
			t.Errorf("first %q", got)
		}
		synctest.Wait()
		if n := told.count(); n != 2 {
			t.Fatalf("%d listeners, want 2", n)
		}
		// The stalled one reads nothing from here on.
		told.send(time.UnixMicro(1767323045678901))
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
		streams.End()
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

// serve serves streams, which end with the test.
func serve(t *testing.T) (*sse.Streams, *updates, *pipes) {
	t.Helper()
	streams, told, listener := sse.New(), new(updates), newPipes()
	server := &http.Server{Handler: handler(t, streams, told)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		streams.End()
	})
	return streams, told, listener
}

// listen opens a stream that has begun.
func listen(t *testing.T, p *pipes) *bufio.Reader {
	t.Helper()
	conn := p.dial()
	t.Cleanup(func() { _ = conn.Close() })
	events := openStream(t, conn)
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

func TestStreamsEndWithTheirUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, told, pipes := serve(t)
		events := listen(t, pipes)
		told.end()
		wantEnd(t, events)
	})
}

// Where the connection cannot be taken over there is an error, and no end of a stream.
func TestAnswersThatCannotBeTakenOver(t *testing.T) {
	u := new(updates)
	synctest.Test(t, func(t *testing.T) {
		err := sse.New().Join("key", u.listen).Open(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), sse.Events{Updated: sse.EnvironmentUpdated}, func(int64) { t.Error("ended") })
		if !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
		synctest.Wait()
	})
	if listening, _ := u.listening(); listening {
		t.Error("the seat is still taken")
	}
}

func TestAShutdownDoesNotWaitForAStalledListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, pipes := serve(t)
		good := listen(t, pipes)
		listen(t, pipes) // and reads nothing any more
		told.send(time.UnixMicro(1767323045000000))
		block(t, good)
		synctest.Wait()
		began, ended := time.Now(), make(chan time.Time, 1)
		go func() {
			streams.End()
			ended <- time.Now()
		}()
		wantEnd(t, good)
		if took := (<-ended).Sub(began); took > time.Second {
			t.Errorf("streams ended after %v", took)
		}
		wantEnd(t, listen(t, pipes)) // one that comes late ends at once
		streams.End()                // once more, and nothing happens
	})
}

func TestStreamsWithoutChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, pipes := serve(t)
		conn := pipes.dial()
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
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
		told.send(time.UnixMicro(1767323045000000))
		if got := block(t, events); got != "event: environment_updated\ndata: {\"updated_at\": 1767323045}\n" {
			t.Errorf("told %q", got)
		}
		go streams.End()
		wantEnd(t, events)
	})
}

// What a listener says is not listened to, but that it goes is noticed at once.
func TestListenersThatTalkAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, told, pipes := serve(t)
		conn := pipes.dial()
		events := openStream(t, conn)
		block(t, events)
		for range 3 {
			if _, err := io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 100)); err != nil {
				t.Fatal(err)
			}
		}
		told.send(time.UnixMicro(1767323045000000))
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
		_, told, pipes := serve(t)
		conn := pipes.dial()
		defer func() { _ = conn.Close() }()
		block(t, openStream(t, conn))
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

// All streams of a topic share what they listen to, from the first of them to the last.
func TestStreamsOfATopicListenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, pipes := serve(t)
		for round := range 3 {
			var conns []net.Conn
			for range 3 {
				conn := pipes.dial()
				conns = append(conns, conn)
				block(t, openStream(t, conn))
			}
			if listening, times := told.listening(); !listening || times != round+1 {
				t.Errorf("round %d: listening %v, %d times", round, listening, times)
			}
			for _, conn := range conns {
				_ = conn.Close()
			}
			synctest.Wait()
			if listening, _ := told.listening(); listening {
				t.Errorf("round %d: listening without a stream", round)
			}
		}
		streams.Join("key", told.listen).Leave()
		synctest.Wait()
		if listening, _ := told.listening(); listening {
			t.Error("listening without a seat")
		}
	})
}

// Many listeners learn of an update batch by batch, 20,000 of them within two seconds,
// and each gets the last update if several come meanwhile. Those that come when the updates
// have ended listen to others.
func TestUpdatesArePaced(t *testing.T) {
	const listeners = 5_000
	synctest.Test(t, func(t *testing.T) {
		streams, told := sse.New(), new(updates)
		var arrived sync.WaitGroup
		var mu sync.Mutex
		at := map[time.Duration]int{} // after how long how many learned of it
		first, second := time.UnixMicro(1767323045000000), time.UnixMicro(1767323046000000)
		var began time.Time
		ready := make(chan bool)
		for range listeners {
			client, server := net.Pipe()
			h := handler(t, streams, told)
			go h.ServeHTTP(&hijackable{ResponseRecorder: httptest.NewRecorder(), conn: server}, httptest.NewRequest(http.MethodGet, "/", nil))
			arrived.Go(func() {
				from := bufio.NewReader(client)
				for range 9 { // the head and the comment, by their lines
					if _, err := from.ReadString('\n'); err != nil {
						t.Error(err)
					}
				}
				ready <- true
				for last := false; !last; {
					line, err := from.ReadString('\n')
					if err != nil {
						t.Error(err)
						return
					}
					last = strings.Contains(line, "1767323046")
				}
				mu.Lock()
				at[time.Since(began)]++
				mu.Unlock()
				_, _ = io.Copy(io.Discard, from)
				client.Close()
			})
		}
		for range listeners {
			<-ready
		}
		synctest.Wait()
		began = time.Now()
		told.send(first)
		<-time.After(100 * time.Millisecond)
		told.send(second)
		<-time.After(5 * time.Second)
		mu.Lock()
		var latest time.Duration
		sum, most := 0, 0
		for after, n := range at {
			sum, most, latest = sum+n, max(most, n), max(latest, after)
		}
		mu.Unlock()
		if sum != listeners || most > 32 || latest > listeners*2*time.Second/20_000 {
			t.Errorf("%d learned of it, at most %d at once, the last after %v", sum, most, latest)
		}
		told.end()
		arrived.Wait()
		if n := told.count(); n != 0 {
			t.Errorf("%d streams left", n)
		}
		seat := streams.Join("key", told.listen)
		if _, times := told.listening(); times != 2 {
			t.Errorf("listened %d times", times)
		}
		seat.Leave()
		streams.End()
	})
}

// hijackable is an answer on a connection that can be taken over.
type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.conn, nil, nil }

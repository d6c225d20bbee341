package flagsmith_test

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
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// change is one call of a Notifier.
type change struct {
	key domain.EnvironmentKey
	at  time.Time
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// listen runs Notify against handler and returns what it tells. Everything has
// ended when the test does.
func listen(t *testing.T, handler http.Handler, keys ...domain.EnvironmentKey) (<-chan change, *lockedBuffer) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := flagsmith.New(flagsmith.Options{APIURL: base, Timeout: 5 * time.Second, MaxDocumentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	streams, err := client.NewStreams(base, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changes, done := make(chan change, 100), make(chan error, 1)
	go func() {
		done <- streams.Notify(ctx, keys, func(key domain.EnvironmentKey, at time.Time) { changes <- change{key, at} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Notify returned %v, want the context's error", err)
		}
		client.Close()
	})
	return changes, log
}

// pipedStreams returns streams whose connections are pipes, for synctest. Each has its
// request read and is then answered by answer, after which it is closed.
func pipedStreams(t *testing.T, answer func(io.WriteCloser)) *flagsmith.Streams {
	t.Helper()
	base := &url.URL{Scheme: "http", Host: "upstream.test"}
	client, err := flagsmith.New(flagsmith.Options{
		APIURL: base, Timeout: 5 * time.Second, MaxDocumentBytes: 1 << 20,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { // ends when the request has been read and answered
				defer there.Close()
				if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
					answer(there)
				}
			}()
			return here, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	streams, err := client.NewStreams(base, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return streams
}

func next(t *testing.T, changes <-chan change) change {
	t.Helper()
	select {
	case c := <-changes:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was announced")
		return change{}
	}
}

// stream answers with text as a stream of events and leaves it open.
func stream(w http.ResponseWriter, r *http.Request, text string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	_, _ = fmt.Fprint(w, text)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestStreamEvents(t *testing.T) {
	t.Parallel()
	const second = 1767323045
	at := time.Unix(second, 678901000)
	for name, c := range map[string]struct {
		text string
		want []time.Time
	}{
		"seconds with a fraction":     {"event: environment_updated\ndata: {\"updated_at\": 1767323045.678901}\n\n", []time.Time{at}},
		"whole seconds":               {"event:environment_updated\ndata:{\"updated_at\":1767323045}\n\n", []time.Time{time.Unix(second, 0)}},
		"milliseconds":                {"event: environment_updated\r\ndata: {\"updated_at\": 1767323045678}\r\n\r\n", []time.Time{time.Unix(second, 678000000)}},
		"data in two lines":           {"data: {\"updated_at\":\ndata: 1767323045}\nevent: environment_updated\n\n", []time.Time{time.Unix(second, 0)}},
		"no usable time":              {"event: environment_updated\ndata: soon\n\nevent: environment_updated\ndata: {\"updated_at\": 1e300}\n\n", []time.Time{{}, {}}},
		"lines that end in a return":  {"\ufeffevent: environment_updated\rdata: {\"updated_at\": 1767323045}\r\revent: environment_updated\r\n\r\n", []time.Time{time.Unix(second, 0), {}}},
		"many heartbeats of one line": {strings.Repeat(": heartbeat\n", 10_000) + strings.Repeat("\n", 100_000) + "event: environment_updated\ndata: {\"updated_at\": 1767323045}\n\n", []time.Time{time.Unix(second, 0)}},
		"others are passed over":      {": heartbeat\n\nevent: ping\ndata: {\"updated_at\": 5}\n\nretry: 10\nid: 7\n\nevent: environment_updated\ndata: {\"updated_at\": 1767323045}\n\n", []time.Time{time.Unix(second, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			changes, _ := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.EscapedPath() != "/sse/environments/client%20a%2Fb/stream" || r.Header.Get("Accept") != "text/event-stream" || r.Header.Get("X-Environment-Key") != "" {
					t.Errorf("asked %s with %v", r.URL.EscapedPath(), r.Header)
				}
				stream(w, r, c.text)
			}), "client a/b")
			for _, want := range c.want {
				if got := next(t, changes); got.key != "client a/b" || !got.at.Equal(want) {
					t.Errorf("told %+v, want %v", got, want)
				}
			}
		})
	}
}

func TestABrokenStreamIsOpenedAgainAfterAPauseAndToldOnce(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	began := time.Now()
	changes, log := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch opened.Add(1) {
		case 1:
			http.Error(w, "no", http.StatusBadGateway)
		case 2:
			_, _ = fmt.Fprint(w, "<html>") // no stream
		default:
			stream(w, r, "")
		}
	}), "a")
	// The stream that holds at last has the document fetched: nobody knows what
	// was missed.
	if got := next(t, changes); got.key != "a" || !got.at.IsZero() {
		t.Errorf("told %+v", got)
	}
	if took := time.Since(began); opened.Load() != 3 || took < 500*time.Millisecond {
		t.Errorf("%d attempts in %v: it spins", opened.Load(), took)
	}
	if text := log.String(); strings.Count(text, "realtime_stream_failed") != 1 || strings.Count(text, "realtime_stream_restored") != 1 || !strings.Contains(text, "502") {
		t.Errorf("log:\n%s", text)
	}
}

// The server asks for a pause of an hour. That is bounded, but longer than without.
func TestAServerAsksForALongerPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		streams := pipedStreams(t, func(answer io.WriteCloser) {
			opened = append(opened, time.Now())
			_, _ = io.WriteString(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 3600000\n\n")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := streams.Notify(ctx, []domain.EnvironmentKey{"a"}, func(domain.EnvironmentKey, time.Time) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Notify returned %v", err)
		}
		if len(opened) < 3 {
			t.Fatalf("the stream was opened %d times", len(opened))
		}
		for i, at := range opened[1:] {
			if pause := at.Sub(opened[i]); pause < 30*time.Second || pause > 90*time.Second {
				t.Errorf("pause %v", pause)
			}
		}
	})
}

// The causes of a stream that fails are about realtime_url.
func TestStreamCauses(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		handler http.HandlerFunc // nil: nothing listens
		want    []string
	}{
		"nothing listens": {nil, []string{"nothing listens there: check realtime_url"}},
		"not found":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, []string{"answered 404", "check realtime_url, and that real-time updates are switched on"}},
		"a web page":      {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, []string{"other than a stream of events", "check realtime_url"}},
		"another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(gone.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
		}, []string{"nothing listens there: check realtime_url"}},
		"overloaded": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, []string{"answered 503", "not available"}},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := url.Parse(gone.URL)
			if err != nil {
				t.Fatal(err)
			}
			if c.handler != nil {
				server := httptest.NewServer(c.handler)
				defer server.Close()
				if base, err = url.Parse(server.URL); err != nil {
					t.Fatal(err)
				}
			}
			log := &lockedBuffer{}
			streams, err := client(t, "http://api.invalid").NewStreams(base, slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				ended <- streams.Notify(ctx, []domain.EnvironmentKey{"a"}, func(domain.EnvironmentKey, time.Time) {})
			}()
			wait.Until(t, 20*time.Second, "the failure is logged", func() bool { return strings.Contains(log.String(), "realtime_stream_failed") })
			cancel()
			<-ended
			contains(t, log.String(), c.want...)
			if strings.Contains(log.String(), "api_url") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// A server of streams that asks to wait is not asked before, up to a minute.
func TestStreamsHonourRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		streams := pipedStreams(t, func(answer io.WriteCloser) {
			opened = append(opened, time.Now())
			_, _ = io.WriteString(answer, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 40\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_ = streams.Notify(ctx, []domain.EnvironmentKey{"a"}, func(domain.EnvironmentKey, time.Time) {})
		if len(opened) < 3 {
			t.Fatalf("the stream was opened %d times", len(opened))
		}
		for i, at := range opened[1:] {
			if pause := at.Sub(opened[i]); pause < 40*time.Second || pause > 100*time.Second {
				t.Errorf("pause %v", pause)
			}
		}
	})
}

func TestAnEventWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	changes, log := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream(w, r, "event: environment_updated\n"+strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 100)+"\n")
	}), "a")
	wait.Until(t, 20*time.Second, "the failure is logged", func() bool { return strings.Contains(log.String(), "an event is too large") })
	select {
	case c := <-changes:
		if !c.at.IsZero() {
			t.Errorf("told %+v", c)
		}
	default:
	}
}

func TestNoKeysNoStreams(t *testing.T) {
	t.Parallel()
	listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was asked") }))
}

func TestRealtimeAddressIsChecked(t *testing.T) {
	t.Parallel()
	client, err := flagsmith.New(flagsmith.Options{APIURL: &url.URL{Scheme: "http", Host: "localhost"}, Timeout: time.Second, MaxDocumentBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*url.URL{{Scheme: "ftp", Host: "x"}, {Scheme: "https"}} {
		if _, err := client.NewStreams(u, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%v is accepted", u)
		}
	}
}

// A stream means the same however it arrives in pieces, and never panics.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		"event: environment_updated\r\ndata: {\"updated_at\": 1}\r\n\r\n", "data: a\rdata\r\r\nretry: 5\n\n\n", "\ufeff: b\n\nevent:x\n\nevent:", "\r\n\r\r\n\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := flagsmith.ReadEvents(strings.NewReader(text))
		pieces, errOfPieces := flagsmith.ReadEvents(iotest.OneByteReader(strings.NewReader(text)))
		if !slices.Equal(whole, pieces) || (err == nil) != (errOfPieces == nil) {
			t.Errorf("read whole: %q, %v; in pieces: %q, %v", whole, err, pieces, errOfPieces)
		}
	})
}

// TestAServerOfStreamsThatIsAwayIsOneOutage: all streams fail alike, which is logged once
// and not for each environment.
func TestAServerOfStreamsThatIsAwayIsOneOutage(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	var refused atomic.Int32
	changes, log := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			refused.Add(1)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		stream(w, r, "")
	}), "a", "b", "c")
	wait.Until(t, 20*time.Second, "each stream fails twice", func() bool { return refused.Load() >= 6 })
	if n := strings.Count(log.String(), "realtime_stream_failed"); n != 1 {
		t.Errorf("%d lines about streams that fail alike:\n%s", n, log)
	}
	contains(t, log.String(), "failures=1", "since=", "next_try=")
	away.Store(false)
	for range 3 {
		next(t, changes)
	}
	wait.Until(t, 20*time.Second, "the end is logged", func() bool { return strings.Contains(log.String(), "realtime_stream_restored") })
	if n := strings.Count(log.String(), "realtime_stream_restored"); n != 1 {
		t.Errorf("%d lines about the end:\n%s", n, log)
	}
	contains(t, log.String(), "after=")
}

// TestAStreamThatIsRefusedAloneIsNamed: a response about one environment hides no other.
func TestAStreamThatIsRefusedAloneIsNamed(t *testing.T) {
	t.Parallel()
	_, log := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/good/") {
			stream(w, r, "")
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}), "good", "bad", "worse")
	wait.Until(t, 30*time.Second, "both are named", func() bool {
		return strings.Contains(log.String(), "client_side_key=bad") && strings.Contains(log.String(), "client_side_key=worse")
	})
}

// Events are counted, and streams that were opened again after they broke, but not the first
// one.
func TestStreamsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
		opened := 0
		streams := pipedStreams(t, func(answer io.WriteCloser) {
			opened++
			switch opened {
			case 1:
				_, _ = io.WriteString(answer, head+"event: environment_updated\ndata: {}\n\nevent: other\ndata: {}\n\nevent: environment_updated\ndata: {}\n\n")
			case 2:
				_, _ = io.WriteString(answer, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")
			default:
				_, _ = io.WriteString(answer, head)
				<-t.Context().Done()
			}
		})
		if got := streams.Counts(); got != (ports.StreamCounts{}) {
			t.Errorf("before the first stream there are %+v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = streams.Notify(ctx, []domain.EnvironmentKey{"a"}, func(domain.EnvironmentKey, time.Time) {}) // until ctx ends
		if got := streams.Counts(); got != (ports.StreamCounts{Events: 2, Reconnects: 1}) || opened != 3 {
			t.Errorf("%+v after %d streams, want 2 events and 1 reconnect after 3", got, opened)
		}
	})
}

package flagsmith_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
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

func next(t *testing.T, changes <-chan change) change {
	t.Helper()
	select {
	case c := <-changes:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told")
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
	const second = 1767323045
	at := time.Unix(second, 678901000)
	for name, c := range map[string]struct {
		text string
		want []time.Time
	}{
		"seconds with a fraction": {"event: environment_updated\ndata: {\"updated_at\": 1767323045.678901}\n\n", []time.Time{at}},
		"whole seconds":           {"event:environment_updated\ndata:{\"updated_at\":1767323045}\n\n", []time.Time{time.Unix(second, 0)}},
		"milliseconds":            {"event: environment_updated\r\ndata: {\"updated_at\": 1767323045678}\r\n\r\n", []time.Time{time.Unix(second, 678000000)}},
		"data in two lines":       {"data: {\"updated_at\":\ndata: 1767323045}\nevent: environment_updated\n\n", []time.Time{time.Unix(second, 0)}},
		"no usable time":          {"event: environment_updated\ndata: soon\n\nevent: environment_updated\ndata: {\"updated_at\": 1e300}\n\n", []time.Time{{}, {}}},
		"others are passed over":  {": heartbeat\n\nevent: ping\ndata: {\"updated_at\": 5}\n\nretry: 10\nid: 7\n\nevent: environment_updated\ndata: {\"updated_at\": 1767323045}\n\n", []time.Time{time.Unix(second, 0)}},
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

func TestNoKeysNoStreams(t *testing.T) {
	listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was asked") }))
}

func TestRealtimeAddressIsChecked(t *testing.T) {
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

package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Streams work over HTTP/2, several on one connection, and end with their environment,
// with the server, and when their listener goes away.
func TestStreamsOverHTTP2(t *testing.T) {
	on(t, timeouts, func(t *testing.T, o httpserver.Options) {
		told, records := new(announcements), make(chan httpapi.AccessRecord, 10)
		api := newAPI(t, func(o *httpapi.Options) {
			o.Announcements, o.Access = told, func(r httpapi.AccessRecord) { records <- r }
		})
		o.Host, o.OnShutdown = "127.0.0.1", api.EndStreams
		s := httpserver.New(api, o)
		address, err := s.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve() }()
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		defer transport.CloseIdleConnections()
		open := func(ctx context.Context) *bufio.Reader {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+streamPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := (&http.Client{Transport: transport}).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { answer.Body.Close() })
			if h := answer.Header; answer.Proto != "HTTP/2.0" || h.Get("Content-Type") != "text/event-stream" || h.Get("Connection") != "" {
				t.Errorf("%s %v", answer.Proto, h)
			}
			events := bufio.NewReader(answer.Body)
			wantEvent(t, events, ": connected\n\n")
			return events
		}
		const sent = int64(len(": connected\n\n" + updatedEvent))
		wantEnd := func(events io.Reader) {
			t.Helper()
			if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
				t.Errorf("%q and %v, want a clean end", rest, err)
			}
			if r := <-records; r.Status != http.StatusOK || r.Path != streamPath || r.Proto != "HTTP/2.0" || r.Bytes != sent {
				t.Errorf("%+v", r)
			}
		}
		leaving, leave := context.WithCancel(t.Context())
		defer leave()
		first, second, third := open(t.Context()), open(t.Context()), open(leaving)
		told.tell(time.UnixMicro(1767323045678901))
		for _, events := range []io.Reader{first, second, third} {
			wantEvent(t, events, updatedEvent)
		}
		leave()
		if r := <-records; r.Bytes != sent {
			t.Errorf("%+v", r)
		}
		told.end()
		wantEnd(first)
		wantEnd(second)
		last := open(t.Context())
		wait.Until(t, 10*time.Second, "a listener", func() bool { told.mu.Lock(); defer told.mu.Unlock(); return len(told.listeners) == 1 })
		told.tell(time.UnixMicro(1767323045678901))
		wantEvent(t, last, updatedEvent)
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		wantEnd(last)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

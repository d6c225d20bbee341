package tracing_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/tracing"
	"github.com/edge-proxy/edge-proxy/test/support/collector"
)

// open returns a Tracing that sends to c.
func open(t *testing.T, c *collector.Collector) *tracing.Tracing {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	made, err := tracing.New(t.Context(), tracing.Options{Ratio: 1, ByParent: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func request(header ...string) *http.Request {
	r := &http.Request{Method: http.MethodGet, Proto: "HTTP/1.1", Header: http.Header{"User-Agent": {"probe"}}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// The id that a request's log line and exemplar have is that of the span which is made
// later, also for requests that came with a trace.
func TestServedReturnsTheIDOfTheSpan(t *testing.T) {
	const parent = "0af7651916cd43dd8448eb211c80319c"
	c := collector.Start(t)
	made := open(t, c)
	ids := []string{
		made.Served(tracing.Request{HTTP: request(), Route: "/first", Status: 200, Start: time.Now()}),
		made.Served(tracing.Request{HTTP: request("Traceparent", "00-"+parent+"-b7ad6b7169203331-01"), Route: "/second", Status: 200, Start: time.Now()}),
		made.Served(tracing.Request{HTTP: request("Traceparent", "nonsense"), Route: "/third", Status: 200, Start: time.Now()}),
	}
	if err := made.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids[1] != parent {
		t.Errorf("the caller's trace is %s, want %s", ids[1], parent)
	}
	if ids[0] == ids[2] {
		t.Errorf("two requests have the trace %s", ids[0])
	}
	arrived := map[string]collector.Span{}
	for _, s := range c.Spans() {
		arrived[s.Name] = s
	}
	for i, name := range []string{"GET /first", "GET /second", "GET /third"} {
		if got := arrived[name]; got.TraceID != ids[i] {
			t.Errorf("%s: the span has the trace %q, Served said %q", name, got.TraceID, ids[i])
		}
	}
	if got := arrived["GET /second"].ParentID; got != "b7ad6b7169203331" {
		t.Errorf("the parent is %q", got)
	}
}

// Served keeps nothing of a request, whose strings the server uses again.
func TestServedKeepsNothingOfTheRequest(t *testing.T) {
	c := collector.Start(t)
	made := open(t, c)
	r := request()
	made.Served(tracing.Request{HTTP: r, Status: 200, Start: time.Now()})
	r.Method, r.Proto = "POST", "HTTP/9.9"
	r.Header.Set("User-Agent", "another")
	if err := made.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := c.Spans()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	for key, want := range map[string]string{"http.request.method": "GET", "network.protocol.version": "1.1", "user_agent.original": "probe"} {
		if got := spans[0].Attributes[key]; got != want {
			t.Errorf("%s is %v, want %s", key, got, want)
		}
	}
}

// More requests than there is room for end in no error and no wait, and each is counted:
// as sent, or as ended and no more.
func TestEachSpanIsCounted(t *testing.T) {
	c := collector.Start(t)
	made := open(t, c)
	const clients, each = 8, 2000
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				made.Served(tracing.Request{HTTP: request(), Route: "/many", Status: 200, Start: time.Now()})
			}
		})
	}
	all.Wait()
	if err := made.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	counts := made.Counts()
	if arrived := int64(len(c.Spans())); counts.Ended != clients*each || counts.Sent != arrived || arrived == 0 {
		t.Errorf("%+v and %d spans have arrived, want %d ended and all that arrived as sent", counts, arrived, clients*each)
	}
}

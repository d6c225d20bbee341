package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// query answers from a snapshot without documents.
type query struct{ snapshot *app.Snapshot }

func (q query) Snapshot() *app.Snapshot { return q.snapshot }
func (query) Readiness() app.Readiness  { return app.Readiness{} }

// Whatever clients send adds no series: neither paths, methods, keys nor the names of
// SDKs.
func TestMadeUpRequestsAddNoSeries(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Options{NativeHistograms: true, MaxEnvironments: 200})
	ring := domain.NewKeyRing([]domain.EnvironmentKeys{{Client: "known"}})
	api, err := httpapi.New(httpapi.Options{
		Query: query{app.NewSnapshot(ring, nil, time.Now)}, Observer: m.Requests(), AllowOrigins: []string{"*"},
		Announcements: nobody{},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Add(metrics.Values(metrics.Rejected, func() map[string]int64 { return api.Stats().Rejected }),
		metrics.Values(metrics.SDKRequests, func() map[string]int64 { return api.Stats().SDKs }))
	paths := []string{"/api/v1/flags/", "/api/v1/identities/", "/api/v1/environment-document", "/ofrep/v1/evaluate/flags/%s", "/sse/environments/%s/stream", "/health", "/%s", "/%s/a", "/api/v1/flags/%s"}
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "%s"}
	ask := func(n int) {
		name := fmt.Sprintf("made-up-%d", n)
		path, method := fill(paths[n%len(paths)], name), fill(methods[n/len(paths)%len(methods)], name)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, &http.Request{
			Method: method, URL: &url.URL{Path: path}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: "127.0.0.1:1",
			Header: http.Header{"X-Environment-Key": {name}, "User-Agent": {name + "/1"}, "Flagsmith-Sdk-User-Agent": {"flagsmith-" + name}, "Origin": {"https://" + name}},
		})
	}
	every := len(paths) * len(methods)
	for n := range 2 * every {
		ask(n)
	}
	before := series(t, m.Handler())
	total := 1_000_000
	if harness.RaceEnabled {
		total = 50 * every // a bug adds a series for each name, or for each of some kind
	}
	for n := range total {
		ask(2*every + n)
	}
	if after := series(t, m.Handler()); after != before || after > 1500 {
		t.Errorf("%d series after %d made-up requests, %d before", after, total, before)
	}
}

// fill replaces %s in text, if it is there.
func fill(text, name string) string { return strings.Replace(text, "%s", name, 1) }

// nobody announces nothing.
type nobody struct{}

func (nobody) Listen(domain.EnvironmentKey) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

// series returns how many series a scrape has. It fails if it has a name that clients
// made up.
func series(t *testing.T, h http.Handler) (n int) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "made-up") {
			t.Fatalf("a client's words are a label: %s", line)
		}
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

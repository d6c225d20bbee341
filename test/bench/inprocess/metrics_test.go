package inprocess

import (
	"net/http"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// measuredHandler returns the handler for the profile's document as the program wires it
// with metrics, or without for nil.
func measuredHandler(tb testing.TB, m *metrics.Metrics) http.Handler {
	tb.Helper()
	h, err := newHandler(profile.Document(profile.Default()), func(o *httpapi.Options) {
		if m != nil {
			requests := reporting.NewRequests(time.Now)
			requests.Track([]domain.EnvironmentKeys{{Client: clientKey}})
			o.Observer, o.Usage = m.Requests(), requests
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// BenchmarkMetrics shows what metrics cost a request in the handler. The answers are the
// cheapest and the most frequent ones.
func BenchmarkMetrics(b *testing.B) {
	for _, v := range []struct {
		name string
		m    *metrics.Metrics
	}{
		{"off", nil},
		{"classic", metrics.New(metrics.Options{})},
		{"native", metrics.New(metrics.Options{NativeHistograms: true})},
	} {
		for _, request := range []struct{ name, method, target, body string }{
			{"flags", http.MethodGet, "/api/v1/flags/", ""},
			{"identities", http.MethodPost, "/api/v1/identities/", profile.IdentityBody("user")},
		} {
			b.Run(request.name+"/"+v.name, func(b *testing.B) {
				c, err := newClient(measuredHandler(b, v.m), request.method, request.target, clientKey, request.body)
				if err != nil {
					b.Fatal(err)
				}
				c.request.Header.Set("User-Agent", "flagsmith-python-sdk/4.0.0")
				if status := c.ask(); status != http.StatusOK {
					b.Fatalf("status %d", status)
				}
				b.ReportAllocs()
				for b.Loop() {
					c.ask()
				}
			})
		}
	}
}

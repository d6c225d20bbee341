package metrics_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// A scrape of the binary has the whole catalogue, but for what needs something that is
// not configured, and nothing else.
func TestTheBinaryHasTheCatalogue(t *testing.T) {
	t.Parallel()
	n := start(t, harness.StartUpstream(t).Serve(t, environment(time.Now(), 0)))
	for range 3 {
		get(t, n.URL+"/api/v1/flags/", "X-Environment-Key", clientKey, "User-Agent", "flagsmith-go-sdk/4.1.0")
	}
	get(t, n.URL+"/api/v1/flags/", "X-Environment-Key", "wrong")
	get(t, n.URL+"/api/v1/flags/")
	families := n.scrape(t)
	for _, d := range metrics.Definitions() {
		f := families[d.Name]
		switch {
		case f == nil && d.Optional == "":
			t.Errorf("%s is missing", d.Name)
		case f != nil && strings.ToLower(f.GetType().String()) != string(d.Type):
			t.Errorf("%s is a %s, want %s", d.Name, f.GetType(), d.Type)
		}
		delete(families, d.Name)
	}
	for name := range families {
		t.Errorf("%s is not in the catalogue", name)
	}

	families = n.scrape(t)
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"edge_proxy_ready", nil, 1},
		{"edge_proxy_environment_info", []string{"environment", clientKey, "name", "Shop", "project", "Online shop", "source", "configured"}, 1},
		{"edge_proxy_environment_state", []string{"environment", clientKey, "state", "fresh"}, 1},
		{"edge_proxy_store_info", []string{"kind", "memory"}, 1},
		{"edge_proxy_config_last_reload_successful", nil, 1},
		{"edge_proxy_staleness_limit_seconds", nil, 40},
		{"edge_proxy_lease_held", []string{"environment", clientKey}, 1},
	} {
		if got := find(families[want.name], want.labels...); got == nil || got.GetGauge().GetValue() != want.value {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"edge_proxy_requests_total", []string{"environment", clientKey, "resource", "flags"}, 3},
		{"edge_proxy_sdk_requests_total", []string{"sdk", "flagsmith-go-sdk"}, 3},
		{"edge_proxy_http_rejected_total", []string{"reason", "unknown_key"}, 1},
		{"edge_proxy_http_rejected_total", []string{"reason", "no_key"}, 1},
		{"edge_proxy_panics_total", nil, 0},
	} {
		if got := find(families[want.name], want.labels...); got == nil || got.GetCounter().GetValue() != want.value {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	requests := families["http_server_request_duration_seconds"]
	if got := find(requests, "http_route", "/api/v1/flags", "http_request_method", "GET", "http_response_status_code", "200"); got.GetHistogram().GetSampleCount() != 3 {
		t.Errorf("%v, want 3 requests", got)
	}
	if _, body := get(t, n.Admin+"/metrics"); bytes.Contains(body, []byte("ser.")) || bytes.Contains(body, []byte("wrong")) {
		t.Errorf("a scrape has a secret or a client's words\n%s", body)
	}
}

func TestScrapesInOpenMetrics(t *testing.T) {
	t.Parallel()
	n := start(t, harness.StartUpstream(t).Serve(t, environment(time.Now(), 0)))
	status, body := get(t, n.Admin+"/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if status != http.StatusOK || !bytes.HasSuffix(body, []byte("# EOF\n")) {
		t.Errorf("%d %s", status, body)
	}
}

func TestMetricsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, environment(time.Now(), 0))
	config["metrics"] = map[string]any{"enabled": false}
	n := start(t, config)
	if status, body := get(t, n.Admin+"/metrics"); status != http.StatusNotFound || !bytes.Contains(body, []byte("metrics.enabled")) {
		t.Errorf("%d %s", status, body)
	}
}

package tracing_test

import (
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/edge-proxy/edge-proxy/test/support/collector"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// pushing starts a proxy that sends its metrics to a collector, unless variables say
// otherwise.
func pushing(t *testing.T, c *collector.Collector, config map[string]any, variables map[string]string) harness.Operated {
	t.Helper()
	env := map[string]string{"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_METRIC_EXPORT_INTERVAL": "100"}
	maps.Copy(env, variables)
	all := harness.StartUpstream(t).Serve(t, fakeflagsmith.Simple(clientKey, serverKey, "Shop", time.Now(), "a"))
	maps.Copy(all, config)
	return harness.StartOperated(t, harness.Setup{Config: all, Env: env})
}

// TestMetricsArePushed: what a collector gets is what a scrape has, and nothing else.
func TestMetricsArePushed(t *testing.T) {
	t.Parallel()
	c := collector.Start(t)
	proxy := pushing(t, c, nil, map[string]string{"OTEL_SERVICE_NAME": "flags"})
	for range 3 {
		harness.Ask(t, http.MethodGet, proxy.URL+"/api/v1/flags/", "X-Environment-Key", clientKey)
	}
	served := func() uint64 {
		for _, p := range c.Metrics()["http_server_request_duration_seconds"] {
			if p.Attributes["http_route"] == "/api/v1/flags" && p.Attributes["http_response_status_code"] == "200" && p.Service == "flags" {
				return p.Count
			}
		}
		return 0
	}
	wait.Until(t, 30*time.Second, "the requests at the collector", func() bool { return served() == 3 })
	arrived := c.Metrics()
	for name, want := range map[string]float64{"edge_proxy_ready": 1, "edge_proxy_panics_total": 0, "edge_proxy_build_info": 1} {
		if points := arrived[name]; len(points) != 1 || points[0].Value != want {
			t.Errorf("%s has arrived as %+v, want %v", name, points, want)
		}
	}
	_, text := harness.Ask(t, http.MethodGet, proxy.Admin+"/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name := range families {
		if _, has := arrived[name]; !has && !strings.HasPrefix(name, "promhttp_") {
			t.Errorf("%s is in a scrape, and was not pushed", name)
		}
	}
	for name := range arrived {
		if families[name] == nil {
			t.Errorf("%s was pushed, and is not in a scrape", name)
		}
	}
}

// TestTheLastMetricsArePushedAtTheEnd, when the next push would be in an hour.
func TestTheLastMetricsArePushedAtTheEnd(t *testing.T) {
	t.Parallel()
	c := collector.Start(t)
	proxy := pushing(t, c, nil, map[string]string{"OTEL_METRIC_EXPORT_INTERVAL": "3600000"})
	proxy.Signal(t, syscall.SIGTERM)
	proxy.Wait(t, 20*time.Second)
	if len(c.Metrics()["edge_proxy_ready"]) != 1 {
		t.Errorf("what has arrived: %v", c.Metrics())
	}
}

// TestMetricsAreNotPushed where nobody asked for it.
func TestMetricsAreNotPushed(t *testing.T) {
	t.Parallel()
	for name, variables := range map[string]map[string]string{
		"not asked for": {"OTEL_METRICS_EXPORTER": ""}, "another exporter": {"OTEL_METRICS_EXPORTER": "none"}, "switched off": {"OTEL_SDK_DISABLED": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := collector.Start(t)
			proxy := pushing(t, c, nil, variables)
			proxy.Signal(t, syscall.SIGTERM)
			proxy.Wait(t, 20*time.Second)
			if len(c.Metrics()) > 0 {
				t.Errorf("%d metrics have arrived", len(c.Metrics()))
			}
		})
	}
	t.Run("metrics are off", func(t *testing.T) {
		t.Parallel()
		c := collector.Start(t)
		proxy := pushing(t, c, map[string]any{"metrics": map[string]any{"enabled": false}}, nil)
		proxy.Signal(t, syscall.SIGTERM)
		proxy.Wait(t, 20*time.Second)
		if len(c.Metrics()) > 0 {
			t.Errorf("%d metrics have arrived", len(c.Metrics()))
		}
	})
}

// TestACollectorOfMetricsThatIsAway: requests are answered as before, and the log says so.
func TestACollectorOfMetricsThatIsAway(t *testing.T) {
	t.Parallel()
	c := collector.Start(t)
	proxy := pushing(t, c, nil, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "200", "OTEL_METRIC_EXPORT_TIMEOUT": "300"})
	proxy.WaitEvent(t, 30*time.Second, "metrics_not_sent")
	if status, _ := harness.Ask(t, http.MethodGet, proxy.URL+"/api/v1/flags/", "X-Environment-Key", clientKey); status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
}

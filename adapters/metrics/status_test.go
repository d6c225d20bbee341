package metrics_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Every scrape reads the status again.
func TestAScrapeReadsTheStatus(t *testing.T) {
	m := metrics.New(metrics.Options{MaxEnvironments: 10})
	s := status(2)
	m.AddStatus(func() app.Status { return s })
	for series, want := range map[string]float64{
		`edge_proxy_ready`: 1, `edge_proxy_readiness_state{state="ready"}`: 1, `edge_proxy_readiness_state{state="stale"}`: 0, `edge_proxy_draining`: 0,
		`edge_proxy_staleness_limit_seconds`: 40, `edge_proxy_store_up`: 1, `edge_proxy_environments{state="fresh"}`: 2, `edge_proxy_environments{state="stale"}`: 0,
		`edge_proxy_environment_info{environment="environment-0001",name="Production",project="Shop",source="configured"}`: 1,
		`edge_proxy_environment_state{environment="environment-0001",state="fresh"}`:                                       1,
		`edge_proxy_environment_state{environment="environment-0001",state="missing"}`:                                     0,
		`edge_proxy_document_confirmed_timestamp_seconds{environment="environment-0001"}`:                                  float64(noon.UnixMilli()) / 1000,
		`edge_proxy_document_features{environment="environment-0000"}`:                                                     5, `edge_proxy_document_segments{environment="environment-0000"}`: 4,
		`edge_proxy_document_pinned{environment="environment-0000"}`: 1, `edge_proxy_overrides{environment="environment-0000"}`: 2,
		`edge_proxy_document_identity_overrides{environment="environment-0000"}`: 3, `edge_proxy_document_problems{environment="environment-0000"}`: 2,
		`edge_proxy_document_bytes{environment="environment-0000"}`: 1000, `edge_proxy_document_fetch_failures{environment="environment-0000"}`: 1,
		`edge_proxy_lease_held{environment="environment-0000"}`: 1, `edge_proxy_stream_listeners{environment="environment-0000"}`: 7,
		`edge_proxy_upstream_stream_up{environment="environment-0000"}`: 1, `edge_proxy_condition_limit_total{environment="environment-0000",kind="regex"}`: 9,
		`edge_proxy_upstream_stream_events_total`: 6, `edge_proxy_upstream_stream_reconnects_total`: 5, `edge_proxy_report_pending{kind="events"}`: 1,
		`edge_proxy_requests_total{environment="environment-0000",resource="flags"}`:    10,
		`edge_proxy_requests_total{environment="environment-0000",resource="ofrep"}`:    42,
		`edge_proxy_requests_total{environment="environment-0000",resource="document"}`: 30,
		`edge_proxy_report_pending{kind="usage"}`:                                       1, `edge_proxy_report_sent_total{kind="analytics"}`: 2,
		`edge_proxy_report_dropped_total{kind="usage",reason="refused"}`: 3, `edge_proxy_discovered_environments`: 3,
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	s.Readiness.State, s.Store.Up = app.NodeDraining, false
	s.Environments[0].State = app.EnvironmentStale
	for series, want := range map[string]float64{
		`edge_proxy_ready`: 0, `edge_proxy_readiness_state{state="draining"}`: 1, `edge_proxy_draining`: 1, `edge_proxy_store_up`: 0,
		`edge_proxy_environments{state="stale"}`: 1, `edge_proxy_environment_state{environment="environment-0000",state="stale"}`: 1,
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("then %s is %v, want %v", series, got, want)
		}
	}
}

// What is not known has no series, rather than a time in 1970.
func TestWhatIsUnknownHasNoSeries(t *testing.T) {
	m := metrics.New(metrics.Options{MaxEnvironments: 10})
	m.AddStatus(func() app.Status {
		return app.Status{Readiness: app.ReadinessStatus{State: app.DocumentMissing}, Environments: []app.EnvironmentStatus{{Key: "new", State: app.EnvironmentMissing}}}
	})
	body := scrape(t, m, "").body
	for _, name := range []string{
		"_timestamp_seconds{", "edge_proxy_document_bytes{", "edge_proxy_document_features{", "edge_proxy_upstream_stream_up{", "edge_proxy_staleness_limit_seconds",
		"edge_proxy_discover", "edge_proxy_report_", "edge_proxy_condition_limit_total",
	} {
		if strings.Contains(body, "\n"+name) || strings.Contains(body, name+"environment") {
			t.Errorf("%s is there", name)
		}
	}
	if got := value(t, m, `edge_proxy_environment_state{environment="new",state="missing"}`); got != 1 {
		t.Errorf("the environment's state is not missing")
	}
}

// A name that is not UTF-8 costs no other series.
func TestNamesOfAnyBytes(t *testing.T) {
	m := metrics.New(metrics.Options{MaxEnvironments: 10})
	s := status(1)
	s.Environments[0].Facts.Name, s.Environments[0].Facts.Project = "a\xff\"\n\\b", strings.Repeat("\xc3", 3)
	m.AddStatus(func() app.Status { return s })
	if got := value(t, m, `edge_proxy_environment_info{environment="environment-0000",name="a`+"\uFFFD"+`\"\n\\b",project="`+"\uFFFD"+`",source="configured"}`); got != 1 {
		t.Error("the names are not there")
	}
	if got := value(t, m, "edge_proxy_ready"); got != 1 {
		t.Error("another metric is missing")
	}
}

func TestEnvironmentsBeyondTheCap(t *testing.T) {
	m := metrics.New(metrics.Options{MaxEnvironments: 3})
	s := status(5)
	m.AddStatus(func() app.Status { return s })
	for _, e := range s.Environments {
		m.Events().Changed(app.Change{Environment: e.Key, Via: app.ViaPoll, Propagation: -1})
		m.Events().Refused(e.Key, app.RefusedInvalid)
	}
	body := scrape(t, m, "").body
	for i := range 5 {
		if got, want := strings.Contains(body, fmt.Sprintf("environment-%04d", i)), i < 3; got != want {
			t.Errorf("environment %d has series: %t", i, got)
		}
	}
	if got := value(t, m, "edge_proxy_environments_without_series"); got != 2 {
		t.Errorf("%v environments without series, want 2", got)
	}
	if got := value(t, m, `edge_proxy_environments{state="fresh"}`); got != 5 {
		t.Errorf("%v environments, want 5", got)
	}
	// Once there is room, the others have theirs.
	s.Environments = s.Environments[3:]
	if got := value(t, m, `edge_proxy_document_changes_total{environment="environment-0004",via="poll"}`); got != 1 {
		t.Errorf("%v changes, want 1", got)
	}
	// And a removed environment begins again.
	s = status(5)
	body = scrape(t, m, "").body
	if strings.Contains(body, `edge_proxy_document_changes_total{environment="environment-0000"`) {
		t.Error("the counts of a removed environment are still there")
	}
}

func TestPropagationIsMeasuredWhereItIsKnown(t *testing.T) {
	m := metrics.New(metrics.Options{})
	for _, c := range []app.Change{
		{Via: app.ViaPoll, Propagation: 1500 * time.Millisecond},
		{Via: app.ViaPoll, Propagation: -1},
		{Via: app.ViaPoll, Propagation: time.Hour, First: true},
		{Via: app.ViaWebhook, Propagation: 0},
	} {
		m.Events().Changed(c)
	}
	for series, want := range map[string]float64{
		`edge_proxy_document_propagation_seconds_count{via="poll"}`: 1, `edge_proxy_document_propagation_seconds_sum{via="poll"}`: 1.5,
		`edge_proxy_document_propagation_seconds_count{via="webhook"}`: 1, `edge_proxy_document_propagation_seconds_count{via="store"}`: 0,
		`edge_proxy_document_compile_seconds_count`: 4,
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// largest returns metrics of a node with 1,000 environments, of which everything has
// happened that can, to each of them.
func largest(tb testing.TB, o metrics.Options) *metrics.Metrics {
	tb.Helper()
	m := metrics.New(o)
	s := status(1000)
	m.AddStatus(func() app.Status { return s })
	m.Add(read()...)
	keys := make([]domain.EnvironmentKey, len(s.Environments))
	for i := range s.Environments {
		e := &s.Environments[i]
		keys[i] = e.Key
		e.Origin = []app.Origin{app.OriginConfigured, app.OriginDiscovered, app.OriginFile}[i%3]
	}
	happen(m.Events(), keys...)
	for i := range 25 {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions, "_OTHER"} {
			answered := m.Requests().Endpoint(fmt.Sprintf("/endpoint/%d", i), method)
			for _, status := range []int{200, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503} {
				answered(status, 1, time.Duration(status)*time.Millisecond, 0, "")
			}
		}
	}
	return m
}

func BenchmarkScrape(b *testing.B) {
	for name, most := range map[string]int{"75 environments of 1000": 75, "1000 environments": 1000} {
		b.Run(name, func(b *testing.B) {
			m := largest(b, metrics.Options{MaxEnvironments: most, NativeHistograms: true})
			b.ReportMetric(float64(numSeries(b, m)), "series")
			for b.Loop() {
				scrape(b, m, "application/openmetrics-text; version=1.0.0")
			}
		})
	}
}

package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// noon is when everything in this package happens.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 500_000_000, time.UTC)

// environment returns the status of an environment of which everything is known.
func environment(key string) app.EnvironmentStatus {
	up := true
	return app.EnvironmentStatus{
		Key: domain.EnvironmentKey(key), Origin: app.OriginConfigured, State: app.EnvironmentFresh,
		Confirmed: noon, Updated: noon.Add(-time.Hour), Served: noon.Add(-time.Minute), Via: app.ViaPoll, Bytes: 1000,
		Measures: app.Measures{Pin: &app.Pin{}, Overrides: make([]app.Override, 2)},
		Facts:    app.Facts{Name: "Production", Project: "Shop", Features: 5, Segments: 4, IdentityOverrides: 3, Problems: 2},
		Lease:    app.LeaseThisNode, Failures: 1, Listeners: 7, StreamUp: &up, CutOffs: map[app.Cost]uint64{"regex": 9, "jsonpath": 8, "dependency": 7},
		Requests: reporting.Served{domain.ServedFlags: 10, domain.ServedIdentities: 20, domain.ServedEnvironmentDocument: 30, domain.ServedOFREPFlags: 40, domain.ServedOFREPIdentities: 2},
	}
}

// status returns the status of a node that serves that number of environments.
func status(environments int) app.Status {
	s := app.Status{
		At: noon, Readiness: app.ReadinessStatus{State: app.Ready}, Limit: 40 * time.Second, Store: app.StoreStatus{Up: true},
		Discovery: &app.DiscoveryStatus{LastSuccess: noon, Environments: 3},
		Upstream:  app.UpstreamStatus{Streams: &ports.StreamCounts{Events: 6, Reconnects: 5}},
	}
	for _, kind := range app.ReportKinds() {
		r := app.ReportStatus{Kind: kind, Progress: reporting.Progress{Pending: 1, Sent: 2, Dropped: map[reporting.Drop]int64{}, LastSuccess: noon}}
		for _, why := range reporting.Drops() {
			r.Dropped[why] = 3
		}
		s.Reports = append(s.Reports, r)
	}
	for i := range environments {
		s.Environments = append(s.Environments, environment(fmt.Sprintf("environment-%04d", i)))
	}
	return s
}

// read are the metrics that the composition root reads from other adapters.
func read() []metrics.Reading {
	counts := func(names ...string) func() map[string]int64 {
		m := map[string]int64{}
		for _, name := range names {
			m[name] = 1
		}
		return func() map[string]int64 { return m }
	}
	one := func() int { return 1 }
	list := []metrics.Reading{
		metrics.Constant(metrics.BuildInfo, "1.0.0", "abc", "go1"),
		metrics.Constant(metrics.ConfigInfo, "0123"),
		metrics.Constant(metrics.StoreInfo, "memory"),
		metrics.Values(metrics.SDKRequests, counts("flagsmith-go-sdk", "other")),
	}
	list = append(list, metrics.Reading{Definition: metrics.FeatureEvaluations, Read: func(emit metrics.Emit) { emit(1, "environment-0000", "cart") }})
	for _, d := range []metrics.Definition{metrics.Rejected, metrics.Connections, metrics.ConnectionsClosed, metrics.RequestsHandedOver, metrics.CacheRequests, metrics.WebhookCalls, metrics.StreamClosed,
		metrics.CertificateNotAfter, metrics.CertificateReloads, metrics.HandshakeErrors, metrics.LogRecords,
	} {
		list = append(list, metrics.Values(d, counts(d.Labels[0].Values...)))
	}
	for _, d := range []metrics.Definition{
		metrics.ActiveRequests, metrics.ConnectionsAccepted, metrics.StreamEvents, metrics.CacheEntries, metrics.CacheBytes, metrics.Panics,
		metrics.ConfigReloadSuccessful, metrics.ConfigReloadTime, metrics.ConfigRestartNeeded, metrics.ConfigWarnings, metrics.LogRecordsLost, metrics.StoreBytes,
	} {
		list = append(list, metrics.Value(d, one))
	}
	return list
}

// happen has everything that can happen to these environments happen once.
func happen(e *metrics.Events, keys ...domain.EnvironmentKey) {
	for _, o := range app.Operations() {
		for _, outcome := range ports.Outcomes() {
			e.Fetched(o, outcome, time.Second)
		}
	}
	for _, o := range app.StoreOperations() {
		for _, err := range []error{nil, ports.ErrNotFound, ports.ErrConflict, ports.ErrUnavailable, ports.ErrCorrupt, context.DeadlineExceeded, errors.New("other")} {
			e.StoreCalled(o, err, time.Millisecond)
		}
	}
	for _, key := range keys {
		for _, via := range app.Vias() {
			e.Changed(app.Change{Environment: key, Via: via, Propagation: time.Second, Compile: time.Millisecond})
		}
		for _, why := range app.Refusals() {
			e.Refused(key, why)
		}
		for _, c := range app.LeaseChanges() {
			e.LeaseChanged(key, c)
		}
		e.Announced(key)
		e.CutOff(key)
	}
	e.PollLate()
	for _, action := range []string{"drain", "undrain", "refresh", "accept", "pin", "rollback", "end_pin", "override", "end_override", "log_level", "end_log_level"} {
		for _, result := range []string{"done", "refused", "failed"} {
			e.Acted(action, result)
		}
	}
}

// gather returns the families of a registry by name.
func gather(t testing.TB, m *metrics.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := make(map[string]*dto.MetricFamily, len(list))
	for _, f := range list {
		families[f.GetName()] = f
	}
	return families
}

// value returns the value of a series, given as name{label="value"} with its labels in
// order.
func value(t testing.TB, m *metrics.Metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(scrape(t, m, "").body) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

// scraped is the answer to a scrape.
type scraped struct {
	status            int
	contentType, body string
}

// scrape asks the handler with an Accept header.
func scrape(t testing.TB, m *metrics.Metrics, accept string) scraped {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return scraped{w.Code, w.Header().Get("Content-Type"), string(body)}
}

// numSeries returns how many series a scrape in text has.
func numSeries(t testing.TB, m *metrics.Metrics) (n int) {
	t.Helper()
	for line := range strings.Lines(scrape(t, m, "").body) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

//go:build !race

// The race detector makes everything several times slower.

package metrics_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// defaultEnvironments is the default of metrics.max_environments.
const defaultEnvironments = 75

// running returns metrics of a node with the default settings that has served
// environments for a while, of which each has changed.
func running(tb testing.TB, environments int) *metrics.Metrics {
	tb.Helper()
	m := metrics.New(metrics.Options{MaxEnvironments: defaultEnvironments, NativeHistograms: true})
	s := status(environments)
	for i := range s.Environments {
		e := &s.Environments[i]
		e.CutOffs, e.StreamUp = nil, nil
		m.Events().Changed(app.Change{Environment: e.Key, Via: app.ViaPoll, Propagation: time.Second})
	}
	s.Discovery, s.Reports = nil, s.Reports[1:2]
	m.AddStatus(func() app.Status { return s })
	m.Add(read()...)
	for _, outcome := range []ports.Outcome{ports.OutcomeOK, ports.OutcomeNotModified, ports.OutcomeTimeout} {
		m.Events().Fetched(app.FetchDocument, outcome, time.Second)
	}
	for _, o := range []app.StoreOperation{app.StoreGet, app.StorePut, app.StoreLease} {
		m.Events().StoreCalled(o, nil, time.Millisecond)
	}
	for _, endpoint := range []string{"GET /api/v1/flags", "GET /api/v1/identities", "POST /api/v1/identities", "GET /api/v1/environment-document", "GET /proxy/health/readiness"} {
		var method, route string
		_, _ = fmt.Sscan(endpoint, &method, &route)
		answered := m.Requests().Endpoint(route, method)
		answered(http.StatusOK, 1, time.Millisecond, 0, "")
		answered(http.StatusUnauthorized, 1, time.Millisecond, 0, "")
	}
	return m
}

// The catalogue names the numbers of series; these bounds hold it to them.
func TestSeriesAreBounded(t *testing.T) {
	one, two, all := numSeries(t, running(t, 1)), numSeries(t, running(t, 2)), numSeries(t, running(t, 1000))
	if one > 500 || two-one > 22 || all >= 5000 {
		t.Errorf("%d series with one environment, %d with each further one, %d with 1,000; want at most 500, 22 and 5,000", one, two-one, all)
	}
	t.Log(one, two-one, all)
}

// With 1,000 environments there are fewer than 5,000 series, whatever happens: every
// outcome, reason and other value of a label that there is, of every environment and
// endpoint, at one time.
func TestSeriesAreBoundedWhateverHappens(t *testing.T) {
	m := largest(t, metrics.Options{MaxEnvironments: defaultEnvironments, NativeHistograms: true})
	n := numSeries(t, m)
	if n >= 5000 {
		t.Errorf("%d series", n)
	}
	t.Log(n)
	families := gather(t, m)
	for _, d := range metrics.Definitions() {
		for _, l := range d.Labels {
			for _, want := range l.Values {
				if !slices.ContainsFunc(families[d.Name].GetMetric(), func(series *dto.Metric) bool {
					return slices.ContainsFunc(series.GetLabel(), func(has *dto.LabelPair) bool { return has.GetName() == l.Name && has.GetValue() == want })
				}) {
					t.Errorf("this test does not bring about %s of %s in %s", want, l.Name, d.Name)
				}
			}
		}
	}
}

// A scrape of 1,000 environments takes at most 50 ms. The best of several tries is what
// counts, since other work on the machine only adds to it.
func TestAScrapeIsQuick(t *testing.T) {
	m := running(t, 1000)
	best := time.Hour
	for range 30 {
		began := time.Now()
		scrape(t, m, "application/openmetrics-text; version=1.0.0")
		best = min(best, time.Since(began))
	}
	if best > 50*time.Millisecond {
		t.Errorf("a scrape takes %v", best)
	}
	t.Log(best)
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	answered := metrics.New(metrics.Options{NativeHistograms: true}).Requests().Endpoint("/", http.MethodGet)
	took := time.Microsecond
	measure := func() {
		took = took*1103515245%1e6 + 10_000
		answered(200, 100, took, 0, "")
	}
	for range 10_000 { // native histograms make their buckets as values appear
		measure()
	}
	if n := testing.AllocsPerRun(1000, measure); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

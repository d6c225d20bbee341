package metrics_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
)

// whole returns metrics of which every series exists.
func whole(t testing.TB) *metrics.Metrics {
	t.Helper()
	m := metrics.New(metrics.Options{NativeHistograms: true, MaxEnvironments: 10})
	s := status(2)
	m.AddStatus(func() app.Status { return s })
	m.Add(read()...)
	m.Requests().Endpoint("/api/v1/flags", http.MethodGet)(http.StatusOK, 100, time.Millisecond, 0, "")
	happen(m.Events(), s.Environments[0].Key)
	return m
}

// The catalogue has what the registry has, and nothing else: names, types, labels and the
// values of labels.
func TestTheCatalogueIsTheRegistry(t *testing.T) {
	families := gather(t, whole(t))
	for _, d := range metrics.Definitions() {
		f := families[d.Name]
		if f == nil {
			t.Errorf("%s is in the catalogue alone", d.Name)
			continue
		}
		delete(families, d.Name)
		if got := strings.ToLower(f.GetType().String()); got != string(d.Type) {
			t.Errorf("%s is a %s, and a %s in the catalogue", d.Name, got, d.Type)
		}
		for _, series := range f.GetMetric() {
			checkLabels(t, d, series)
		}
	}
	for name := range families {
		t.Errorf("%s is not in the catalogue", name)
	}
}

func checkLabels(t *testing.T, d metrics.Definition, series *dto.Metric) {
	t.Helper()
	if d.Type == metrics.Summary {
		return // the quantiles are not labels in this form
	}
	var got, want []string
	for _, l := range series.GetLabel() {
		got = append(got, l.GetName())
		for _, defined := range d.Labels {
			if defined.Name == l.GetName() && len(defined.Values) > 0 && !slices.Contains(defined.Values, l.GetValue()) {
				t.Errorf("%s: %s is %q, which the catalogue does not have", d.Name, l.GetName(), l.GetValue())
			}
		}
	}
	for _, l := range d.Labels {
		want = append(want, l.Name)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the labels %v, and %v in the catalogue", d.Name, got, want)
	}
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, whole(t), "").body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, d := range metrics.Definitions() {
		if d.Help == "" || strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s has the help %q", d.Name, d.Help)
		}
	}
}

func TestScrapeForms(t *testing.T) {
	m := whole(t)
	for _, tt := range []struct{ accept, contentType, has, end string }{
		{"", "text/plain; version=0.0.4", "# TYPE edge_proxy_panics_total counter\n", "\n"},
		{"application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0", "# TYPE edge_proxy_panics counter\n", "# EOF\n"},
		{"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "application/vnd.google.protobuf", "edge_proxy_panics_total", ""},
		{"nonsense", "text/plain; version=0.0.4", "# TYPE edge_proxy_panics_total counter\n", "\n"},
	} {
		got := scrape(t, m, tt.accept)
		if got.status != http.StatusOK || !strings.HasPrefix(got.contentType, tt.contentType) || !strings.Contains(got.body, tt.has) || !strings.HasSuffix(got.body, tt.end) {
			t.Errorf("%q: %d %s\n%.300s", tt.accept, got.status, got.contentType, got.body)
		}
	}
}

func TestNativeHistogramsAreASetting(t *testing.T) {
	for _, native := range []bool{false, true} {
		m := metrics.New(metrics.Options{NativeHistograms: native})
		m.Requests().Endpoint("/", http.MethodGet)(http.StatusOK, 1, time.Millisecond, 0, "")
		h := gather(t, m)["http_server_request_duration_seconds"].GetMetric()[0].GetHistogram()
		if got := len(h.GetPositiveSpan()) > 0; got != native || len(h.GetBucket()) == 0 {
			t.Errorf("native histograms %t: %v", native, h)
		}
	}
}

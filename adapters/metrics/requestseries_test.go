package metrics_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// library returns a histogram of client_golang with the buckets of requests.
func library() prometheus.Histogram {
	o := prometheus.HistogramOpts{Name: "h", Help: "h", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: 0x1p-20}
	for _, d := range metrics.Definitions() {
		if d.Name == "http_server_request_duration_seconds" {
			o.Buckets = d.Buckets
		}
	}
	return prometheus.NewHistogram(o)
}

// histogramOf returns the only histogram of requests.
func histogramOf(t *testing.T, m *metrics.Metrics) *dto.Histogram {
	t.Helper()
	list := gather(t, m)["http_server_request_duration_seconds"].GetMetric()
	if len(list) != 1 {
		t.Fatalf("%d series, want 1", len(list))
	}
	return list[0].GetHistogram()
}

// native returns the counts of a native form by index.
func native(h *dto.Histogram) map[int32]int64 {
	counts := map[int32]int64{}
	at, n, deltas := int32(0), int64(0), h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		at += span.GetOffset()
		for range span.GetLength() {
			n += deltas[0]
			deltas = deltas[1:]
			if n > 0 {
				counts[at] = n
			}
			at++
		}
	}
	return counts
}

// The histogram of requests is, in both forms, what client_golang makes of the same
// durations, in whichever lanes they were counted.
func TestRequestsHaveTheHistogramOfTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	durations := []time.Duration{0, 1, 953, 954, 1000, 49_999, 50_000, 50_001, time.Millisecond, time.Second, time.Second + 1, 10 * time.Hour}
	for range 20_000 {
		durations = append(durations, time.Duration(random.Int64N(1<<(10+random.IntN(18)))))
	}
	m, want := metrics.New(metrics.Options{NativeHistograms: true, Processors: 4}), library()
	answered := m.Requests().Endpoint("/", http.MethodGet)
	for i, d := range durations {
		answered(200, 0, d, uint32(i), "")
		want.Observe(d.Seconds())
	}
	var w dto.Metric
	if err := want.Write(&w); err != nil {
		t.Fatal(err)
	}
	got, of := histogramOf(t, m), w.GetHistogram()
	if got.GetSampleCount() != of.GetSampleCount() || got.GetZeroCount() != of.GetZeroCount() || got.GetZeroThreshold() != of.GetZeroThreshold() || got.GetSchema() != of.GetSchema() {
		t.Errorf("count %d, zero %d up to %v, schema %d; want %d, %d, %v, %d", got.GetSampleCount(), got.GetZeroCount(), got.GetZeroThreshold(), got.GetSchema(),
			of.GetSampleCount(), of.GetZeroCount(), of.GetZeroThreshold(), of.GetSchema())
	}
	if d := got.GetSampleSum() - of.GetSampleSum(); d > 1e-4 || d < -1e-4 { // units of 16 ns
		t.Errorf("the sum is %v, want %v", got.GetSampleSum(), of.GetSampleSum())
	}
	for i, bucket := range of.GetBucket() {
		if b := got.GetBucket()[i]; b.GetUpperBound() != bucket.GetUpperBound() || b.GetCumulativeCount() != bucket.GetCumulativeCount() {
			t.Errorf("up to %v there are %d, want %d up to %v", b.GetUpperBound(), b.GetCumulativeCount(), bucket.GetCumulativeCount(), bucket.GetUpperBound())
		}
	}
	if g, w := native(got), native(of); !maps.Equal(g, w) {
		t.Errorf("the native form has %v, want %v", g, w)
	}
}

// A series whose durations are far apart has a coarser native form, which loses nothing.
func TestTheNativeFormIsBounded(t *testing.T) {
	m := metrics.New(metrics.Options{NativeHistograms: true})
	answered := m.Requests().Endpoint("/", http.MethodGet)
	total := uint64(0)
	for d := time.Duration(1); d > 0 && d < 1<<62; d += d/20 + 1 {
		answered(200, 0, d, 0, "")
		total++
	}
	h := histogramOf(t, m)
	buckets, sum := native(h), h.GetZeroCount()
	for _, n := range buckets {
		sum += uint64(n)
	}
	if len(buckets) > 160 || sum != total || h.GetSampleCount() != total || h.GetSchema() >= 3 {
		t.Errorf("%d buckets of schema %d with %d of %d", len(buckets), h.GetSchema(), sum, total)
	}
}

// However many endpoints and statuses there are, the number of series is bounded, no answer
// is lost, and statuses stay what they are.
func TestSeriesOfRequestsAreBounded(t *testing.T) {
	m := metrics.New(metrics.Options{})
	statuses := []int{200, 204, 304, 400, 401, 403, 404, 405, 413, 429, 500, 503}
	const routes = 50
	for _, status := range statuses {
		for i := range routes {
			m.Requests().Endpoint(fmt.Sprintf("/%d", i), http.MethodGet)(status, 10, time.Millisecond, uint32(i), "")
		}
	}
	list := gather(t, m)["http_server_request_duration_seconds"].GetMetric()
	byStatus := map[string]uint64{}
	for _, series := range list {
		byStatus[series.GetLabel()[1].GetValue()] += series.GetHistogram().GetSampleCount()
	}
	if len(list) > 90 {
		t.Errorf("%d series", len(list))
	}
	for _, status := range statuses {
		if got := byStatus[fmt.Sprint(status)]; got != routes {
			t.Errorf("%d answers with %d, want %d", got, status, routes)
		}
	}
	if got := value(t, m, `http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="503",http_route="_other"}`); got != routes {
		t.Errorf("%v answers with 503 have no series of their own, want %d", got, routes)
	}
	if got := value(t, m, `edge_proxy_http_response_bytes_total{http_route="/49"}`); got != float64(10*len(statuses)) {
		t.Errorf("%v bytes of a route, want %d", got, 10*len(statuses))
	}
}

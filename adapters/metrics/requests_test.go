package metrics_test

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

func TestRequestsAreMeasured(t *testing.T) {
	m := metrics.New(metrics.Options{})
	flags := m.Requests().Endpoint("/api/v1/flags", http.MethodGet)
	again := m.Requests().Endpoint("/api/v1/flags", http.MethodGet) // as after a reload
	head := m.Requests().Endpoint("/api/v1/flags", http.MethodHead)
	flags(200, 100, 75*time.Microsecond, 0, "")
	again(200, 50, 2*time.Millisecond, 0, "")
	flags(304, 0, time.Microsecond, 0, "")
	head(200, 0, time.Hour, 0, "")
	for series, want := range map[string]float64{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/flags"}`:              2,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/flags",le="5e-05"}`:  0,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/flags",le="0.0001"}`: 1,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/flags",le="0.0025"}`: 2,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="304",http_route="/api/v1/flags"}`:              1,
		`http_server_request_duration_seconds_bucket{http_request_method="HEAD",http_response_status_code="200",http_route="/api/v1/flags",le="1"}`:     0,
		`http_server_request_duration_seconds_bucket{http_request_method="HEAD",http_response_status_code="200",http_route="/api/v1/flags",le="+Inf"}`:  1,
		`edge_proxy_http_response_bytes_total{http_route="/api/v1/flags"}`:                                                                              150,
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// Statuses that nobody should answer with do no harm.
func TestOddStatuses(t *testing.T) {
	m := metrics.New(metrics.Options{})
	answered := m.Requests().Endpoint("/", http.MethodGet)
	for _, status := range []int{-1, 0, 100, 199, 600, 1 << 20} {
		answered(status, 1, time.Second, 0, "")
	}
	if n := len(gather(t, m)["http_server_request_duration_seconds"].GetMetric()); n > 2 {
		t.Errorf("%d series", n)
	}
}

func TestMeasuringAtATime(t *testing.T) {
	m := metrics.New(metrics.Options{NativeHistograms: true, Processors: 3})
	answered := m.Requests().Endpoint("/", http.MethodGet)
	var all sync.WaitGroup
	for lane := range 8 {
		all.Go(func() {
			for i := range 1000 {
				answered(200+i%3, 1, time.Duration(i)*time.Microsecond, uint32(lane), "")
			}
		})
		all.Go(func() { scrape(t, m, "") })
	}
	all.Wait()
	if got := value(t, m, `edge_proxy_http_response_bytes_total{http_route="/"}`); got != 8000 {
		t.Errorf("%v bytes, want 8000", got)
	}
}

func BenchmarkAnswered(b *testing.B) {
	for name, native := range map[string]bool{"classic": false, "classic and native": true} {
		answered := metrics.New(metrics.Options{NativeHistograms: native, Processors: runtime.GOMAXPROCS(0)}).Requests().Endpoint("/", http.MethodGet)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			took := 20 * time.Microsecond
			for b.Loop() {
				took = took*1103515245%1e6 + 10_000
				answered(200, 100, took, 0, "")
			}
		})
		b.Run(name+", in parallel", func(b *testing.B) {
			var lanes atomic.Uint32
			b.RunParallel(func(p *testing.PB) {
				lane := lanes.Add(1)
				for p.Next() {
					answered(200, 100, 20*time.Microsecond, lane, "")
				}
			})
		})
	}
}

// The answer to a traced request is an exemplar that names the trace.
func TestTracedRequestsAreExemplars(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	m := metrics.New(metrics.Options{})
	answered := m.Requests().Endpoint("/api/v1/flags", http.MethodGet)
	answered(200, 100, time.Millisecond, 0, "")
	answered(200, 100, 20*time.Millisecond, 0, trace)
	found := 0
	for _, bucket := range gather(t, m)["http_server_request_duration_seconds"].GetMetric()[0].GetHistogram().GetBucket() {
		if e := bucket.GetExemplar(); e != nil {
			found++
			if l := e.GetLabel(); len(l) != 1 || l[0].GetName() != "trace_id" || l[0].GetValue() != trace || e.GetValue() != 0.02 {
				t.Errorf("exemplar %v", e)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d exemplars, want that of the traced request", found)
	}
}

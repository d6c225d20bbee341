package metrics_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// measuring runs a meter until the end of the test.
func measuring(t *testing.T, m *metrics.Metrics) *metrics.TrafficMeter {
	t.Helper()
	meter := m.TrafficMeter(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { meter.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	synctest.Wait()
	return meter
}

func TestTrafficOfTheLastMinute(t *testing.T) {
	for _, native := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := metrics.New(metrics.Options{NativeHistograms: native})
			flags := m.Requests().Endpoint("/api/v1/flags", http.MethodGet)
			health := m.Requests().Endpoint("/proxy/health/readiness", http.MethodGet)
			for range 100 { // before the meter runs
				flags(500, 0, time.Second, 0, "")
			}
			meter := measuring(t, m)
			if got := meter.Traffic(); got.Requests != 0 || got.Median != 0 || got.P99 != 0 {
				t.Errorf("at the start: %+v", got)
			}
			answer := func(n, status int, took time.Duration) {
				for range n {
					flags(status, 1, took, 0, "")
				}
			}
			answer(50, 200, 75*time.Microsecond)
			answer(40, 304, 75*time.Microsecond)
			answer(6, 404, 75*time.Microsecond)
			answer(4, 503, 20*time.Millisecond)
			for range 1000 {
				health(503, 1, time.Minute, 0, "")
			}
			<-time.After(20 * time.Second)
			got := meter.Traffic()
			want := metrics.Traffic{Over: 20 * time.Second, Requests: 100, NotModified: 40, ClientErrors: 6, ServerErrors: 4, Median: got.Median, P99: got.P99, Longest: time.Second}
			if got != want || got.Median < 50*time.Microsecond || got.Median > 100*time.Microsecond || got.P99 < 10*time.Millisecond || got.P99 > 25*time.Millisecond {
				t.Errorf("got %+v, want %+v", got, want)
			}

			answer(1, 200, time.Hour)
			<-time.After(30 * time.Second)
			if got := meter.Traffic(); got.Requests != 101 || got.Over != 50*time.Second {
				t.Errorf("after 50 s: %+v", got)
			}
			<-time.After(time.Minute) // it is over
			if got := meter.Traffic(); got.Requests != 0 || got.Over < time.Minute || got.Over > 70*time.Second {
				t.Errorf("a minute later: %+v", got)
			}
			answer(2, 200, time.Hour)
			if got := meter.Traffic(); got.Median != time.Second || got.P99 != time.Second {
				t.Errorf("slower than any bucket: %+v", got)
			}
		})
	}
}

func TestTrafficBeforeItIsMeasured(t *testing.T) {
	if got := metrics.New(metrics.Options{}).TrafficMeter(time.Now).Traffic(); got != (metrics.Traffic{}) {
		t.Errorf("%+v", got)
	}
}

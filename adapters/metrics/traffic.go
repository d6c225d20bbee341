package metrics

import (
	"context"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

const (
	// trafficWindow is the time that Traffic is about, and samplePause the time between
	// two samples.
	trafficWindow, samplePause = time.Minute, 5 * time.Second
	// healthRoutes begin the routes of probes, which are not traffic.
	healthRoutes = "/proxy/health"
)

// Traffic is what was answered lately, health checks left out.
type Traffic struct {
	// Over is the time that the figures are about: about a minute, less after a start.
	Over time.Duration
	// Requests is how many requests were answered; the others are parts of it.
	Requests, NotModified, ClientErrors, ServerErrors uint64
	// Median and P99 are in what time half of the requests and 99 % of them were answered,
	// as far as the buckets of the histogram show. 0 without requests; a time beyond the
	// last bucket counts as Longest, its upper bound.
	Median, P99, Longest time.Duration
}

// TrafficMeter keeps samples of the histogram of requests, and computes Traffic from two
// of them. Requests cost nothing more for it. It is safe for concurrent use.
type TrafficMeter struct {
	requests prometheus.Collector
	now      func() time.Time

	mu      sync.Mutex
	samples []trafficSample // of the last minute, and one before; the oldest first
}

// trafficSample is what the histogram has counted until a moment.
type trafficSample struct {
	at                                   time.Time
	all, notModified, clients, serverErr uint64
	buckets                              []uint64 // cumulative, as in requestDuration.Buckets
}

// TrafficMeter returns a meter of the requests that m measures.
func (m *Metrics) TrafficMeter(now func() time.Time) *TrafficMeter {
	return &TrafficMeter{requests: m.requests, now: now}
}

// Run takes samples until ctx ends.
func (t *TrafficMeter) Run(ctx context.Context) {
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	for {
		s := t.sample()
		t.mu.Lock()
		t.samples = append(t.samples, s)
		for len(t.samples) > 1 && s.at.Sub(t.samples[1].at) >= trafficWindow {
			t.samples = slices.Delete(t.samples, 0, 1)
		}
		t.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Traffic returns the traffic of about the last minute. Over is 0 before Run.
func (t *TrafficMeter) Traffic() Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.samples) == 0 {
		return Traffic{}
	}
	return t.sample().since(t.samples[0])
}

// sample returns what is counted now.
func (t *TrafficMeter) sample() trafficSample {
	s := trafficSample{at: t.now(), buckets: make([]uint64, len(requestDuration.Buckets))}
	series := make(chan prometheus.Metric)
	go func() { t.requests.Collect(series); close(series) }()
	for one := range series {
		var m dto.Metric
		if one.Write(&m) == nil {
			s.add(&m)
		}
	}
	return s
}

// add adds one series of the histogram.
func (s *trafficSample) add(m *dto.Metric) {
	status := ""
	for _, l := range m.GetLabel() {
		switch l.GetName() {
		case "http_route":
			if strings.HasPrefix(l.GetValue(), healthRoutes) {
				return
			}
		case "http_response_status_code":
			status = l.GetValue()
		}
	}
	h := m.GetHistogram()
	n := h.GetSampleCount()
	s.all += n
	switch {
	case status == "304":
		s.notModified += n
	case strings.HasPrefix(status, "4"):
		s.clients += n
	case strings.HasPrefix(status, "5"):
		s.serverErr += n
	}
	for i, b := range h.GetBucket() {
		if i < len(s.buckets) {
			s.buckets[i] += b.GetCumulativeCount()
		}
	}
}

// since returns the traffic between an earlier sample and s.
func (s trafficSample) since(first trafficSample) Traffic {
	for i := range s.buckets {
		s.buckets[i] -= first.buckets[i]
	}
	t := Traffic{
		Over: s.at.Sub(first.at), Requests: s.all - first.all, NotModified: s.notModified - first.notModified,
		ClientErrors: s.clients - first.clients, ServerErrors: s.serverErr - first.serverErr,
	}
	t.Median, t.P99 = s.quantile(t.Requests, 0.5), s.quantile(t.Requests, 0.99)
	t.Longest = seconds(requestDuration.Buckets[len(requestDuration.Buckets)-1])
	return t
}

// quantile returns in what time a share of all requests was answered. Within a bucket it
// takes requests to be spread evenly, as Prometheus does.
func (s trafficSample) quantile(all uint64, share float64) time.Duration {
	if all == 0 {
		return 0
	}
	bounds, rank := requestDuration.Buckets, share*float64(all)
	i := sort.Search(len(s.buckets), func(i int) bool { return float64(s.buckets[i]) >= rank })
	if i == len(bounds) {
		return seconds(bounds[len(bounds)-1])
	}
	low, before := 0.0, uint64(0)
	if i > 0 {
		low, before = bounds[i-1], s.buckets[i-1]
	}
	return seconds(low + (bounds[i]-low)*(rank-float64(before))/float64(s.buckets[i]-before))
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

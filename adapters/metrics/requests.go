package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests measures requests. What it does for each is some additions to numbers that
// exist already.
type Requests struct {
	durations *prometheus.HistogramVec
	bytes     *prometheus.CounterVec
}

func newRequests(m *Metrics) *Requests {
	return &Requests{durations: m.histogram(requestDuration), bytes: m.counter(responseBytes)}
}

// The statuses that an endpoint may answer with.
const (
	lowestStatus  = 200
	highestStatus = 599
)

// endpoint is what is measured of a route and method.
type endpoint struct {
	requests      *Requests
	route, method string
	bytes         prometheus.Counter
	durations     [highestStatus - lowestStatus + 1]atomic.Pointer[prometheus.Observer] // by status, once it appears
}

// Endpoint returns the function to call for each answer of a route and method: with the
// status, the bytes of the body, how long the answer took, and the id of the request's
// trace, which becomes an exemplar, or "". The function is safe for concurrent use. It
// allocates memory for traced requests and for the first answer with a status only.
// route and method become labels, so they must not come from clients.
func (q *Requests) Endpoint(route, method string) func(status int, bytes int64, took time.Duration, traceID string) {
	e := &endpoint{requests: q, route: route, method: method, bytes: q.bytes.WithLabelValues(route)}
	return e.answered
}

func (e *endpoint) answered(status int, bytes int64, took time.Duration, traceID string) {
	place := &e.durations[min(max(status, lowestStatus), highestStatus)-lowestStatus]
	durations := place.Load()
	if durations == nil {
		first := e.requests.durations.WithLabelValues(e.route, e.method, strconv.Itoa(status))
		durations = &first
		place.Store(durations)
	}
	if with, ok := (*durations).(prometheus.ExemplarObserver); ok && traceID != "" {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": traceID})
	} else {
		(*durations).Observe(took.Seconds())
	}
	e.bytes.Add(float64(bytes))
}

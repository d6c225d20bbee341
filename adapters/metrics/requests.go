package metrics

import (
	"math/bits"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests measures requests. What it does for each is three additions to numbers that
// requests on other processors mostly do not touch, see lanes. The series are made of them
// when a scrape asks.
//
// There are at most mostSeries series for each class of statuses, first come,
// first served. Answers that come too late for one of their own are measured under otherRoute,
// with their status.
type Requests struct {
	native          bool
	duration, bytes *prometheus.Desc
	scale           *scale
	lanes           uint32 // a power of two

	mu        sync.Mutex // not taken by requests, but for the first of a series
	endpoints map[endpointName]*endpoint
	series    map[seriesName]*requestSeries
	numbers   map[int]int // of series by class of statuses
}

const (
	// otherRoute stands for all routes of answers that have no series of their own.
	otherRoute = "_other"
	// otherMethod stands for all methods.
	otherMethod = "_OTHER"
	// mostLanes bounds the memory that lanes take.
	mostLanes = 16
)

// mostSeries returns how many histograms there may be for a class of statuses: more than a
// node needs whose clients use it as they should.
func mostSeries(class int) int {
	switch class {
	case 2, 3, 4:
		return 20
	default:
		return 16
	}
}

type endpointName struct{ route, method string }

type seriesName struct {
	endpointName
	status int
}

func newRequests(m *Metrics) *Requests {
	q := &Requests{
		native:   m.o.NativeHistograms,
		duration: prometheus.NewDesc(requestDuration.Name, requestDuration.Help, requestDuration.names(), nil),
		bytes:    prometheus.NewDesc(responseBytes.Name, responseBytes.Help, responseBytes.names(), nil),
		scale:    newScale(requestDuration.Buckets),
		lanes:    1 << bits.Len(uint(min(max(m.o.Processors, 1), mostLanes)-1)),

		endpoints: map[endpointName]*endpoint{}, series: map[seriesName]*requestSeries{}, numbers: map[int]int{},
	}
	m.registry.MustRegister(q)
	return q
}

// The statuses that an endpoint may answer with.
const (
	lowestStatus  = http.StatusOK
	highestStatus = 599
)

// endpoint is what is measured of a route and method.
type endpoint struct {
	requests *Requests
	name     endpointName
	bytes    []paddedCount                                                   // by lane
	series   [highestStatus - lowestStatus + 1]atomic.Pointer[requestSeries] // by status, once it appears
}

// paddedCount is a counter that has a cache line for itself.
type paddedCount struct {
	atomic.Int64
	_ [56]byte
}

// Endpoint returns the function to call for each answer of a route and method: with the
// status, the bytes of the body, how long the answer took, a number in which answers that
// are given at the same time mostly differ, and the id of the request's trace, which
// becomes an exemplar, or "". The function is safe for concurrent use. It takes a lock and
// allocates memory for traced requests and for the first answers with a status only.
// route and method become labels, so they must not come from clients.
func (q *Requests) Endpoint(route, method string) func(status int, bytes int64, took time.Duration, lane uint32, traceID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	name := endpointName{route, method}
	e := q.endpoints[name]
	if e == nil {
		e = &endpoint{requests: q, name: name, bytes: make([]paddedCount, q.lanes)}
		q.endpoints[name] = e
	}
	return e.answered
}

func (e *endpoint) answered(status int, bytes int64, took time.Duration, lane uint32, traceID string) {
	q := e.requests
	status = min(max(status, lowestStatus), highestStatus)
	place := &e.series[status-lowestStatus]
	s := place.Load()
	if s == nil {
		s = q.seriesOf(e.name, status)
		place.Store(s)
	}
	lane &= q.lanes - 1
	s.count(q.scale.step(took), took, lane)
	if bytes > 0 {
		e.bytes[lane].Add(bytes)
	}
	if traceID != "" {
		s.exemplar(took, traceID)
	}
}

// seriesOf returns the series of an endpoint and status, or that of other endpoints.
func (q *Requests) seriesOf(name endpointName, status int) *requestSeries {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, class := seriesName{name, status}, status/100
	if s := q.series[id]; s != nil {
		return s
	}
	if q.numbers[class] < mostSeries(class) {
		q.numbers[class]++
	} else {
		id.endpointName = endpointName{otherRoute, otherMethod}
		if s := q.series[id]; s != nil {
			return s
		}
	}
	s := &requestSeries{
		labels: []string{id.route, id.method, strconv.Itoa(status)}, began: time.Now(), lanes: make([]atomic.Pointer[lane], q.lanes),
		exemplars: make([]atomic.Pointer[prometheus.Exemplar], len(requestDuration.Buckets)+1),
	}
	q.series[id] = s
	return s
}

// Describe implements prometheus.Collector.
func (q *Requests) Describe(descs chan<- *prometheus.Desc) {
	descs <- q.duration
	descs <- q.bytes
}

// Collect implements prometheus.Collector.
func (q *Requests) Collect(metrics chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.series {
		metrics <- q.histogramOf(s)
	}
	byRoute := map[string]int64{}
	for name, e := range q.endpoints {
		for i := range e.bytes {
			byRoute[name.route] += e.bytes[i].Load()
		}
	}
	for route, n := range byRoute {
		metrics <- prometheus.MustNewConstMetric(q.bytes, prometheus.CounterValue, float64(n), route)
	}
}

package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options configures Metrics.
type Options struct {
	// NativeHistograms gives histograms their native form in addition to the classic one. Scrapes
	// in protobuf have it.
	NativeHistograms bool
	// MaxEnvironments is how many environments have series of their own, the first ones of
	// the status. Zero or less: none.
	MaxEnvironments int
	// Processors is how many processors answer requests. Zero or less: one.
	Processors int
}

// Metrics is the registry of one proxy. It is safe for concurrent use; make it with New.
type Metrics struct {
	o        Options
	registry *prometheus.Registry
	requests *Requests
	events   *Events
}

// New returns Metrics of the process and of what Requests and Events observe. Add adds
// the others.
func New(o Options) *Metrics {
	m := &Metrics{o: o, registry: prometheus.NewRegistry()}
	m.requests, m.events = newRequests(m), newEvents(m)
	m.registry.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(runtimeRules()...)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Requests returns the observer of requests.
func (m *Metrics) Requests() *Requests { return m.requests }

// Events returns the observer of the application.
func (m *Metrics) Events() *Events { return m.events }

// Registry returns the registry, which has all metrics that were added.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

const (
	// scrapesAtOnce is how many scrapes may run at one time; further ones get 503.
	scrapesAtOnce = 2
	// scrapeTime is how long a scrape may take.
	scrapeTime = 10 * time.Second
)

// Handler returns the handler of scrapes. It answers in the form that the scraper accepts:
// text, OpenMetrics or protobuf, compressed if it likes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTime,
		ErrorHandling: promhttp.ContinueOnError, // a part that fails must not hide the others
	})
}

// histogram returns a registered histogram with the labels of d.
func (m *Metrics) histogram(d Definition) *prometheus.HistogramVec {
	o := prometheus.HistogramOpts{Name: d.Name, Help: d.Help, Buckets: d.Buckets}
	if m.o.NativeHistograms {
		o.NativeHistogramBucketFactor = 1.1
		o.NativeHistogramMaxBucketNumber = 160
		o.NativeHistogramMinResetDuration = time.Hour
	}
	v := prometheus.NewHistogramVec(o, d.names())
	m.registry.MustRegister(v)
	return v
}

// counter returns a registered counter with the labels of d.
func (m *Metrics) counter(d Definition) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Help}, d.names())
	m.registry.MustRegister(v)
	return v
}

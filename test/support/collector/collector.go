// Package collector is a receiver of OTLP over HTTP, which keeps what it is sent.
package collector

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metric "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Span is a span that arrived.
type Span struct {
	Name, TraceID, SpanID, ParentID string
	Kind                            trace.Span_SpanKind
	Failed                          bool
	Attributes                      map[string]any // texts, int64, float64 and bool
	Links                           []string       // ids of spans
	Events                          []SpanEvent
	Start, End                      uint64 // nanoseconds since 1970
	Service                         string // of the resource
}

// SpanEvent is an event of a span.
type SpanEvent struct {
	Name       string
	Attributes map[string]any
}

// Point is a point of a metric that arrived.
type Point struct {
	Attributes map[string]any
	Value      float64 // of a gauge or a sum
	Count      uint64  // of a histogram, of either kind, or a summary
	Service    string  // of the resource
}

// Collector is a running receiver. It is safe for concurrent use.
type Collector struct {
	URL string // for OTEL_EXPORTER_OTLP_ENDPOINT

	mu      sync.Mutex
	spans   []Span
	metrics map[string][]Point // by name, of the last request that had the metric
	headers []http.Header
}

// Start starts a Collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{metrics: map[string][]Point{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		request := &traces.ExportTraceServiceRequest{}
		c.receive(w, r, request, func() { c.addSpans(request) })
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		request := &metrics.ExportMetricsServiceRequest{}
		c.receive(w, r, request, func() { c.addMetrics(request) })
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// receive reads a request and then calls add, which has the lock.
func (c *Collector) receive(w http.ResponseWriter, r *http.Request, request proto.Message, add func()) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(text, request)
	}
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "not OTLP", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header)
	add()
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) addSpans(request *traces.ExportTraceServiceRequest) {
	for _, resource := range request.GetResourceSpans() {
		about := attributes(resource.GetResource().GetAttributes())
		service, _ := about["service.name"].(string)
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(s, service))
			}
		}
	}
}

func (c *Collector) addMetrics(request *metrics.ExportMetricsServiceRequest) {
	for _, resource := range request.GetResourceMetrics() {
		about := attributes(resource.GetResource().GetAttributes())
		service, _ := about["service.name"].(string)
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				c.metrics[m.GetName()] = pointsOf(m, service)
			}
		}
	}
}

func pointsOf(m *metric.Metric, service string) []Point {
	var points []Point
	for _, p := range append(m.GetGauge().GetDataPoints(), m.GetSum().GetDataPoints()...) {
		value := p.GetAsDouble()
		if whole, is := p.GetValue().(*metric.NumberDataPoint_AsInt); is {
			value = float64(whole.AsInt)
		}
		points = append(points, Point{Attributes: attributes(p.GetAttributes()), Value: value, Service: service})
	}
	for _, p := range m.GetHistogram().GetDataPoints() {
		points = append(points, Point{Attributes: attributes(p.GetAttributes()), Count: p.GetCount(), Service: service})
	}
	for _, p := range m.GetExponentialHistogram().GetDataPoints() {
		points = append(points, Point{Attributes: attributes(p.GetAttributes()), Count: p.GetCount(), Service: service})
	}
	for _, p := range m.GetSummary().GetDataPoints() {
		points = append(points, Point{Attributes: attributes(p.GetAttributes()), Count: p.GetCount(), Service: service})
	}
	return points
}

func spanOf(s *trace.Span, service string) Span {
	span := Span{
		Name: s.GetName(), TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()), ParentID: hex.EncodeToString(s.GetParentSpanId()),
		Kind: s.GetKind(), Failed: s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR, Attributes: attributes(s.GetAttributes()),
		Start: s.GetStartTimeUnixNano(), End: s.GetEndTimeUnixNano(), Service: service,
	}
	for _, l := range s.GetLinks() {
		span.Links = append(span.Links, hex.EncodeToString(l.GetSpanId()))
	}
	for _, e := range s.GetEvents() {
		span.Events = append(span.Events, SpanEvent{e.GetName(), attributes(e.GetAttributes())})
	}
	return span
}

func attributes(list []*common.KeyValue) map[string]any {
	all := make(map[string]any, len(list))
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.GetKey()] = v.IntValue
		case *common.AnyValue_DoubleValue:
			all[a.GetKey()] = v.DoubleValue
		case *common.AnyValue_BoolValue:
			all[a.GetKey()] = v.BoolValue
		}
	}
	return all
}

// Spans returns what has arrived.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Metrics returns the points of each metric, as they arrived last.
func (c *Collector) Metrics() map[string][]Point {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.metrics)
}

// Headers returns the headers of the requests that arrived.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.headers)
}

// Find waits for a span that matches and returns the first one.
func (c *Collector) Find(t testing.TB, what string, matches func(Span) bool) (found Span) {
	t.Helper()
	wait.Until(t, 30*time.Second, what, func() bool {
		all := c.Spans()
		i := slices.IndexFunc(all, matches)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

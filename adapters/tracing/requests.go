package tracing

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Request is a request that was answered.
type Request struct {
	HTTP        *http.Request
	Route       string // the template of the path; "" for paths of no endpoint
	Status      int
	Start       time.Time
	Took        time.Duration
	Client      string // the client's address; "" leaves it out
	Scheme      string
	Environment string   // the client-side key; "" leaves it out
	Digest      [32]byte // of the document; zero leaves it out
	// Cache is "hit", "miss" or "304", and Evaluated how long the evaluation took; "" and 0
	// leave them out.
	Cache     string
	Evaluated time.Duration
	Flag      *Flag // nil unless one flag was asked for
}

// Flag is the evaluation of one flag, in the words of the semantic conventions.
type Flag struct{ Key, Variant, Reason string }

// flagProvider names the system that flags come from, in events about evaluations.
const flagProvider = "flagsmith"

// Keeps reports whether a request that is not sampled is traced all the same, answered
// with a status after some time. It does not allocate memory or wait.
func (t *Tracing) Keeps(status int, took time.Duration) bool {
	return t.slow > 0 && (took >= t.slow || status >= 500)
}

// Sampled reports whether a request with this header is traced, whatever comes of it. It
// does not allocate memory or wait.
func (t *Tracing) Sampled(header http.Header) bool {
	if parents := header["Traceparent"]; t.byParent && len(parents) > 0 {
		return sampled(parents[0])
	}
	return t.chosen()
}

// sampled reports whether a traceparent says that its trace is recorded: the lowest bit
// of the flags, which are the fourth field (www.w3.org/TR/trace-context, section 3.2).
func sampled(traceparent string) bool {
	const flags = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-")
	if len(traceparent) < flags+2 {
		return false
	}
	return strings.IndexByte("13579bdf", traceparent[flags+1]) >= 0
}

// Served takes what the span of a request is made of, soon, and returns the id of its trace
// in lower-case hexadecimal. It keeps nothing of the HTTP request, and does not wait.
func (t *Tracing) Served(q Request) (traceID string) {
	s := served{
		Request: q, method: methodOf(q.HTTP), protocol: strings.Clone(strings.TrimPrefix(q.HTTP.Proto, "HTTP/")),
		userAgent: strings.Clone(q.HTTP.UserAgent()),
	}
	s.HTTP, s.Client = nil, strings.Clone(q.Client)
	if parents := q.HTTP.Header["Traceparent"]; len(parents) > 0 {
		s.parent = trace.SpanContextFromContext(t.Extract(q.HTTP))
	}
	if s.trace = s.parent.TraceID(); !s.parent.IsValid() {
		s.trace = newTraceID()
	}
	t.requests.add(s)
	return s.trace.String()
}

// served is a request whose span is still to be made.
type served struct {
	Request                     // without HTTP
	method, protocol, userAgent string
	parent                      trace.SpanContext // invalid: the request begins a trace
	trace                       trace.TraceID
}

// makeSpan makes the span of a request.
func (t *Tracing) makeSpan(q served) {
	route := q.Route
	name := q.method
	if name == otherMethod {
		name = "HTTP"
	}
	if route != "" {
		name += " " + route
	}
	const most = 11 // attributes
	attributes := append(make([]attribute.KeyValue, 0, most),
		semconv.HTTPRequestMethodKey.String(q.method), semconv.HTTPResponseStatusCode(q.Status), semconv.NetworkProtocolVersion(q.protocol),
	)
	for _, a := range []attribute.KeyValue{
		semconv.HTTPRoute(route), semconv.URLScheme(q.Scheme), semconv.ClientAddress(q.Client), semconv.UserAgentOriginal(domain.RedactServerKeys(q.userAgent)),
		attrEnvironment.String(q.Environment), attrCache.String(q.Cache),
	} {
		if a.Value.AsString() != "" {
			attributes = append(attributes, a)
		}
	}
	if q.Digest != ([32]byte{}) {
		attributes = append(attributes, attrHash.String(hex.EncodeToString(q.Digest[:8])))
	}
	if q.Evaluated > 0 {
		attributes = append(attributes, attrEvaluated.Float64(q.Evaluated.Seconds()))
	}
	ctx := context.WithValue(context.Background(), traceKey{}, q.trace)
	if q.parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, q.parent)
	}
	_, s := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(q.Start), trace.WithAttributes(attributes...))
	if q.Status >= 500 {
		s.SetStatus(codes.Error, "")
	}
	end := trace.WithTimestamp(q.Start.Add(q.Took))
	if f := q.Flag; f != nil {
		s.AddEvent("feature_flag.evaluation", end, trace.WithAttributes(
			semconv.FeatureFlagKey(f.Key), semconv.FeatureFlagResultVariant(f.Variant), semconv.FeatureFlagResultReasonKey.String(f.Reason),
			semconv.FeatureFlagProviderName(flagProvider), semconv.FeatureFlagSetID(q.Environment),
		))
	}
	s.End(end)
}

// otherMethod stands for every method that the HTTP standard does not have.
const otherMethod = "_OTHER"

// methodOf returns the method of a request, or otherMethod: a client can send any text.
func methodOf(r *http.Request) string {
	for _, known := range []string{
		http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodConnect, http.MethodTrace,
	} {
		if r.Method == known {
			return known
		}
	}
	return otherMethod
}

package httpapi

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/edge-proxy/edge-proxy/app"
)

// The canonical names of the headers that connect a request with lines of other
// programs' logs.
const (
	requestIDHeader = "X-Request-Id"
	traceHeader     = "Traceparent"
)

// longestRequestID is how many characters the X-Request-ID of a client may have.
const longestRequestID = 128

// echoRequestID repeats the client's X-Request-ID in the answer, if it is one. The proxy
// makes none of its own.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	if ids := r.Header[requestIDHeader]; len(ids) > 0 && isRequestID(ids[0]) {
		w.Header()[requestIDHeader] = ids[:1:1]
	}
}

// requestID returns the client's X-Request-ID, or "".
func requestID(r *http.Request) string {
	if ids := r.Header[requestIDHeader]; len(ids) > 0 && isRequestID(ids[0]) {
		return ids[0]
	}
	return ""
}

// isRequestID reports whether a value is short and printable. Any other one is ignored.
func isRequestID(id string) bool {
	if id == "" || len(id) > longestRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// traceID returns the trace of the request's traceparent (W3C Trace Context), or "".
func traceID(r *http.Request) string {
	if len(r.Header[traceHeader]) == 0 {
		return ""
	}
	carrier := propagation.HeaderCarrier(http.Header{traceHeader: r.Header[traceHeader][:1]})
	span := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
	if !span.IsValid() {
		return ""
	}
	return span.TraceID().String()
}

// entryOf returns the entry of the request's key, or a zero one.
func (a *API) entryOf(r *http.Request) app.Entry {
	key, ok := "", false
	if strings.HasPrefix(r.URL.Path, ofrepFlags) {
		key, ok = ofrepCredential(r.Header)
	} else if keys := r.Header["X-Environment-Key"]; len(keys) > 0 {
		key, ok = keys[0], true
	}
	if !ok {
		return app.Entry{}
	}
	entry, _ := a.o.Query.Snapshot().Lookup(key)
	return entry
}

// about returns the log attributes that name a request.
func about(r *http.Request) []any {
	list := []any{"method", r.Method, "path", requestPath(r)}
	if id := requestID(r); id != "" {
		list = append(list, "request_id", redact(id))
	}
	if id := traceID(r); id != "" {
		list = append(list, "trace_id", id)
	}
	return list
}

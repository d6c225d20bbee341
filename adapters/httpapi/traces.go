package httpapi

import (
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// Traces makes traces of requests after they were answered, so that answers do not wait
// for it. Its methods are called on the goroutine of the request, concurrently, and must
// not wait.
type Traces interface {
	// Wants reports whether a request with this header is traced, after it was answered
	// with a status and took some time. It must not allocate memory.
	Wants(header http.Header, status int, took time.Duration) bool
	// Served makes the span of a request that is wanted. It returns the id of the trace in
	// hexadecimal. It must not keep the request.
	Served(t TracedRequest) (traceID string)
}

// TracedRequest is a request that was answered, for a trace.
type TracedRequest struct {
	Request *http.Request
	Route   string // the template of the path, without a slash at the end; "" when no endpoint has the path
	Status  int
	Start   time.Time
	Took    time.Duration
	Client  string // the client's address and port
	Scheme  string // http or https
	// Environment is what the request's key belongs to; zero when it belongs to none.
	Environment app.Entry
}

// traced makes the span of an exchange that has ended, if it is wanted, and returns the
// id of its trace.
func (a *API) traced(x *exchange, r *http.Request, took time.Duration) (traceID string) {
	if a.traces == nil || !a.traces.Wants(r.Header, x.finalStatus(), took) {
		return ""
	}
	client, scheme := a.trusted.client(r)
	return a.traces.Served(TracedRequest{
		Request: r, Route: x.route, Status: x.finalStatus(), Start: x.start, Took: took, Client: client, Scheme: scheme,
		Environment: a.entryOf(r),
	})
}

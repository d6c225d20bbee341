package httpapi

import (
	"net/http"
	"time"
)

// NoRoute stands for a route in what an Observer is given when no endpoint has the path,
// or the endpoint does not have the method.
const NoRoute = "_none"

// otherMethod stands for all methods that no endpoint has.
const otherMethod = "_OTHER"

// Observer measures requests.
type Observer interface {
	// Endpoint returns the function that is called once after each answer of an endpoint:
	// with the status, the bytes of the body that were sent, and the time from the arrival
	// of the request to the end of its handler, at most once for each request. lane is a
	// number in which requests that are answered at the same time mostly differ, so that
	// they need not count in one place. traceID is the trace of the request, in hexadecimal,
	// or "" if it is not traced. The function is called on the goroutine of the request,
	// concurrently, and must not wait or allocate memory. route is the template of the
	// endpoint's path, without a slash at the end, or NoRoute. There is a fixed set of routes
	// and methods, whatever clients send.
	//
	// New calls Endpoint. APIs that replace each other ask for the same endpoints again.
	Endpoint(route, method string) func(status int, bytes int64, took time.Duration, lane uint32, traceID string)
}

// measure is a function of an Observer. It is nil when nobody measures.
type measure func(status int, bytes int64, took time.Duration, lane uint32, traceID string)

// clocked is implemented by a ResponseWriter that shares the clock with its handler, so
// that neither of them reads it again where the other one has.
type clocked interface {
	// Arrived returns when the whole request had arrived.
	Arrived() time.Time
	// Answered says when the handler was done.
	Answered(at time.Time)
}

// unrouted returns the measures of requests that no endpoint answers, by method.
func unrouted(o Observer) map[string]measure {
	if o == nil {
		return nil
	}
	measures := make(map[string]measure)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions, otherMethod} {
		measures[method] = o.Endpoint(NoRoute, method)
	}
	return measures
}

// measured notifies the observer of an exchange that has ended.
func (a *API) measured(x *exchange, r *http.Request, took time.Duration, traceID string) {
	if a.o.Observer == nil {
		return
	}
	m := x.measure
	if m == nil {
		if m = a.unrouted[r.Method]; m == nil {
			m = a.unrouted[otherMethod]
		}
	}
	m(x.finalStatus(), x.sent(r), took, x.lane, traceID)
}

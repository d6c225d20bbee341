package httpapi

import (
	"net/http"
	"time"
)

// exchange is the ResponseWriter of handlers. It records what was answered, for the
// access log and for failures after the answer has begun. Exchanges are reused: a handler
// must not keep one after it has returned.
type exchange struct {
	http.ResponseWriter
	start    time.Time // set for the access log, measures and traces only
	status   int       // 0 until the answer has begun
	bytes    int64     // of the body, so far
	broken   bool      // the answer is incomplete: abort the connection
	reserved int64     // bytes in flight
	taken    bool      // the connection was taken over by a stream, which writes the access record
	measure  measure   // of the endpoint; nil: none, or nobody measures
	clock    clocked   // of the server; nil: it has none, or nobody measures
	lane     uint32    // stays when the exchange is used again, see Observer
	route    string    // the path of the endpoint, as in its route; set for measures and traces only

	environment string    // of the request's key; set for the access log only
	span        spanFacts // set for traces only
}

func (x *exchange) begin(w http.ResponseWriter) { *x = exchange{ResponseWriter: w, lane: x.lane} }

func (x *exchange) end() { x.ResponseWriter, x.clock, x.span.flag = nil, nil, nil }

// WriteHeader begins the answer, unless status is an informational one.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		x.beginAnswer(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body. An error means that the client has gone, so handlers
// may ignore it.
func (x *exchange) Write(body []byte) (int, error) {
	if x.status == 0 {
		x.beginAnswer(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(body)
	x.bytes += int64(n)
	return n, err
}

// beginAnswer records the status. An answer that does not say how it may be cached must
// not be stored: it may depend on the key.
func (x *exchange) beginAnswer(status int) {
	x.status = status
	if h := x.Header(); h["Cache-Control"] == nil {
		h["Cache-Control"] = headerNoStore
	}
}

// finalStatus returns the status of an exchange that has ended.
func (x *exchange) finalStatus() int {
	if x.status == 0 { // the handler wrote nothing
		return http.StatusOK
	}
	return x.status
}

// sent returns how many bytes of the body were sent in answer to r.
func (x *exchange) sent(r *http.Request) int64 {
	if r.Method == http.MethodHead { // the server drops the body
		return 0
	}
	return x.bytes
}

// headerNoStore keeps an answer out of caches. It is read-only.
var headerNoStore = []string{"no-store"}

// Unwrap returns the ResponseWriter below, for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

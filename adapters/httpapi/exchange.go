package httpapi

import (
	"net/http"
	"time"
)

// exchange is the ResponseWriter that handlers get. It notes what was answered,
// for the access log and for failures that come when the answer has begun.
// Exchanges are reused: a handler must not keep one beyond its return.
type exchange struct {
	http.ResponseWriter
	start  time.Time // set for the access log only
	status int       // 0 until the answer has begun
	bytes  int64     // of the body, so far
	broken bool      // the answer stays incomplete: abort the connection
	taken  bool      // the connection was taken over, and the access log's line with it
}

func (x *exchange) begin(w http.ResponseWriter) { *x = exchange{ResponseWriter: w} }

func (x *exchange) end() { x.ResponseWriter = nil }

// WriteHeader begins the answer, unless status is an informational one.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body. An error means that the client has gone,
// about which a handler can do nothing.
func (x *exchange) Write(body []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(body)
	x.bytes += int64(n)
	return n, err
}

// Unwrap leads http.ResponseController to the connection, for handlers that
// stream.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

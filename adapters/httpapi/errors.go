package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// retryAfter is how many seconds a client should wait for a document that has not
// arrived. It is short, because a document usually arrives at once and SDKs wait inside
// an application's call. Flagsmith's SDK for Python does so three times.
const retryAfter = "1"

// statusError is an error with the answer that reports it. Any other error returned by
// a handler is a fault of the proxy: it is logged and answered with 500.
type statusError struct {
	status int
	body   []byte            // JSON, read-only
	header map[string]string // further headers, by canonical name
	// The parts of OFREP's form, see ofrepForm.
	details, code string
	rejection     rejection
}

func (e *statusError) Error() string { return strconv.Itoa(e.status) + " " + string(e.body) }

// documentation is the page about the paths that there are.
const documentation = "https://github.com/edge-proxy/edge-proxy/blob/main/docs/http-api.md"

// The errors that are the same for every request.
var (
	errMissingKey   = refused(http.StatusUnauthorized, "unauthorized", "missing X-Environment-Key header").as(noKey)
	errServerOnly   = refused(http.StatusUnauthorized, "unauthorized", "environment document requires a server-side key").as(clientKeyOnServerRoute)
	errNotFound     = detailed(http.StatusNotFound, "Not Found").with("Link", "<"+documentation+`>; rel="help"`)
	errUnreadable   = detailed(http.StatusBadRequest, "There was an error parsing the body").as(badBody)
	errBodyTimeout  = closing(detailed(http.StatusRequestTimeout, "Request Timeout")).as(badBody)
	errBodyTooLarge = closing(detailed(http.StatusRequestEntityTooLarge, "Request Entity Too Large")).as(bodyTooLarge)
	errInternal     = detailed(http.StatusInternalServerError, "Internal Server Error")
	errUnknownKey   = refused(http.StatusUnauthorized, "unauthorized", "unknown key").as(notAKey)
	errNotListed    = later(refused(http.StatusServiceUnavailable, "unavailable", "the list of environments has not arrived yet")).as(noDocument)
	errNoDocument   = later(refused(http.StatusServiceUnavailable, "unavailable", "environment document has not arrived yet")).as(noDocument)
	errCrowded      = later(closing(refused(http.StatusServiceUnavailable, "unavailable", "too many connections: try again"))).as(overloaded)
	errBusy         = later(closing(refused(http.StatusServiceUnavailable, "unavailable", "too many bytes of requests and answers are in flight: try again"))).as(overloaded)
)

// refused returns an error in the form of status and message.
func refused(status int, word, message string) *statusError {
	body := jsonscan.AppendString([]byte(`{"status":`), word)
	body = jsonscan.AppendString(append(body, `,"message":`...), message)
	return &statusError{status: status, body: append(body, '}'), details: message}
}

// detailed returns an error in FastAPI's form, as the Python proxy sends it.
func detailed(status int, text string) *statusError {
	body := jsonscan.AppendString([]byte(`{"detail":`), text)
	return &statusError{status: status, body: append(body, '}'), details: text}
}

// later adds to e when the client should try again.
func later(e *statusError) *statusError { return e.with("Retry-After", retryAfter) }

// closing makes the answer close the connection, because a body is still arriving on it.
func closing(e *statusError) *statusError { return e.with("Connection", "close") }

// with adds a header to the answer. The name must be canonical.
func (e *statusError) with(name, value string) *statusError {
	if e.header == nil {
		e.header = make(map[string]string)
	}
	e.header[name] = value
	return e
}

// ownForm returns e in the form in which it was made. It is an errorForm.
func ownForm(_ *http.Request, e *statusError) []byte { return e.body }

func unknownKey(key string) error {
	return refused(http.StatusUnauthorized, "unauthorized", "unknown key '"+cut(key)+"'").as(notAKey)
}

func unknownFeature(name string) error {
	return refused(http.StatusNotFound, "not_found", "feature '"+cut(name)+"' not found")
}

func methodNotAllowed(allowed string) error {
	return detailed(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", allowed)
}

// aboutAnswer are the headers that are removed when an answer becomes an error.
var aboutAnswer = []string{"Content-Encoding", updatedAtHeader, "Cache-Control", "Etag", "Last-Modified", "Link"}

// fail answers a request whose handler returned err.
func (a *API) fail(x *exchange, r *http.Request, err error) {
	var known *statusError
	if !errors.As(err, &known) {
		a.o.Logger.ErrorContext(r.Context(), "request_failed", append(about(r), "error", redact(err.Error()))...)
		known = errInternal
	}
	a.counters.rejected.add(known.rejection)
	if x.status != 0 {
		x.broken = true
		return
	}
	h := x.Header()
	for _, name := range aboutAnswer {
		delete(h, name)
	}
	setAll(h, known.header)
	body := a.errorForm(r)(r, known)
	if a.reserve(x, len(body)) != nil { // report that instead, which is short
		known = errBusy
		body = a.errorForm(r)(r, known)
		setAll(h, known.header)
	}
	_ = a.write(x, r, known.status, body, 0)
}

// setAll sets headers, given by canonical name.
func setAll(h http.Header, values map[string]string) {
	for name, value := range values {
		h[name] = []string{value}
	}
}

// recovered answers a request whose handler panicked with v. Only the log says what
// went wrong.
func (a *API) recovered(x *exchange, r *http.Request, v any) {
	if v == http.ErrAbortHandler { // the handler wants the connection closed
		x.broken = true
		return
	}
	a.counters.panics.Add(1)
	a.o.Logger.ErrorContext(r.Context(), "request_panicked", append(about(r), "panic", redact(fmt.Sprint(v)), "stack", redact(string(debug.Stack())))...)
	a.fail(x, r, errInternal)
}

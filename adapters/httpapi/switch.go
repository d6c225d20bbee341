package httpapi

import (
	"net/http"
	"sync/atomic"
)

// Switch answers requests with an API that can be replaced by one with other
// options while it is used. It is safe for concurrent use; make it with NewSwitch.
type Switch struct {
	current atomic.Pointer[API]
}

// NewSwitch returns a Switch that answers with first.
func NewSwitch(first *API) *Switch {
	s := new(Switch)
	s.current.Store(first)
	return s
}

// ServeHTTP answers one request, from its beginning to its end with one API.
func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.current.Load().ServeHTTP(w, r)
}

// Replace has further requests answered with next, which must not have been used.
// Requests and streams under way go on with the API they began with. What that has
// in its endpoint caches is gone. Calls of Replace must not overlap.
func (s *Switch) Replace(next *API) {
	next.streams = s.current.Load().streams
	s.current.Store(next)
}

// EndStreams ends all streams, now and later and whichever API they began with.
func (s *Switch) EndStreams() { s.current.Load().EndStreams() }

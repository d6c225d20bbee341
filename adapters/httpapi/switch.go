package httpapi

import (
	"net/http"
	"sync/atomic"
)

// Switch is an http.Handler that calls an API, which can be replaced at any time by an API
// with other options. It is safe for concurrent use; make it with NewSwitch.
type Switch struct {
	current atomic.Pointer[API]
}

// NewSwitch returns a Switch that calls first.
func NewSwitch(first *API) *Switch {
	s := new(Switch)
	s.current.Store(first)
	return s
}

// ServeHTTP answers one request, with one API from beginning to end.
func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.current.Load().ServeHTTP(w, r)
}

// Replace makes next the API of further requests. It must not have been used. Requests
// and streams under way continue with their API, whose endpoint cache is dropped.
// Replace must not be called concurrently with itself.
func (s *Switch) Replace(next *API) {
	next.streams = s.current.Load().streams
	s.current.Store(next)
}

// EndStreams ends all streams of all APIs, also those that are opened later, and waits for them.
func (s *Switch) EndStreams() { s.current.Load().EndStreams() }

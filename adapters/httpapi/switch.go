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

// ServeOverLimit calls that of the API.
func (s *Switch) ServeOverLimit(w http.ResponseWriter, r *http.Request) {
	s.current.Load().ServeOverLimit(w, r)
}

// Inflight returns the bound of bytes under way, which all APIs share.
func (s *Switch) Inflight() *Inflight { return s.current.Load().o.Inflight }

// Replace makes next the API of further requests. It must not have been used. Requests
// and streams under way continue with their API, whose endpoint cache is dropped. The
// bound of bytes under way stays that of the first API, and Stats goes on. Limits that are
// the same as before go on with what they know.
// Replace must not be called concurrently with itself.
func (s *Switch) Replace(next *API) {
	current := s.current.Load()
	next.streams, next.o.Inflight, next.counters = current.streams, current.o.Inflight, current.counters
	next.catchUps = current.catchUps
	next.refusalLog = current.refusalLog
	next.gate.inherit(current.gate)
	s.current.Store(next)
}

// DrainStreams has all streams of all APIs end within seconds, or no more. It is safe for
// concurrent use.
func (s *Switch) DrainStreams(on bool) { s.current.Load().DrainStreams(on) }

// EndStreams ends all streams of all APIs, also those that are opened later, and waits for them.
func (s *Switch) EndStreams() { s.current.Load().EndStreams() }

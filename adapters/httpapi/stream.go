package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
)

var (
	headerEventStream = []string{"text/event-stream"}
	headerNoCache     = []string{"no-cache"}
	headerUnbuffered  = []string{"no"}
)

// getStream tells a listener of each new document of an environment, once the
// document is being served (docs/spec/upstream.md#real-time). It is for client-side keys,
// which may be part of an address. It ends when the environment is no longer
// served.
//
// A listener may stay for days, so the connection is taken over from the server,
// which would keep several times the memory for it, and the request is let go of.
// That takes HTTP/1, which is what Server speaks.
func (a *API) getStream(w http.ResponseWriter, r bunrouter.Request) error {
	key := domain.EnvironmentKey(strings.Clone(r.Param("key"))) // or the stream keeps the request's text
	if !a.serves(key) {
		return errNotFound
	}
	h := w.Header()
	h["Content-Type"] = headerEventStream
	h["Cache-Control"] = headerNoCache
	h["X-Accel-Buffering"] = headerUnbuffered // for nginx, which would hold events back
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	updates, stop := a.announcements.Listen(key)
	if !a.serves(key) { // any more, so that its listeners may have been told already
		stop()
		return errNotFound
	}
	s, err := takeStream(w, r.Request)
	if err != nil {
		stop()
		return err
	}
	logged := a.logLater(w, r.Request)
	a.streams.hold(s, func() {
		defer stop()
		a.streams.tell(s, updates)
		logged(s.bytes)
	})
	return nil
}

// serves reports whether there is an environment with that client-side key.
func (a *API) serves(key domain.EnvironmentKey) bool {
	entry, known := a.query.Snapshot().Lookup(string(key))
	return known && entry.Key == key
}

// logLater leaves the exchange of w to the caller: the access log gets its line
// when the function returned is called, with the bytes that were sent.
func (a *API) logLater(w http.ResponseWriter, r *http.Request) func(bytes int64) {
	x := w.(*exchange)
	x.taken = true
	if a.access == nil {
		return func(int64) {}
	}
	record := a.record(x, r)
	record.Method, record.Path = strings.Clone(record.Method), strings.Clone(record.Path)
	return func(bytes int64) {
		record.Bytes, record.Duration = bytes, a.now().Sub(record.Start)
		a.access(record)
	}
}

// streamFarewell is how long listeners have to accept the end of their streams.
const streamFarewell = time.Second

// EndStreams ends all streams, now and later, and waits for them.
func (a *API) EndStreams() { a.streams.end(streamFarewell) }

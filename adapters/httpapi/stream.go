package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// getStream answers with a stream of events about an environment: one for each new
// document, sent once the document is served (docs/spec/upstream.md#real-time). It is for
// client-side keys, which may be part of an address. The stream ends when the
// environment is no longer served.
func (a *API) getStream(w http.ResponseWriter, r bunrouter.Request) error {
	return a.stream(w, r, func(domain.EnvironmentKey) sse.Events { return sse.Events{Updated: sse.EnvironmentUpdated} })
}

// stream answers with a stream of the events that a function returns. It is called when
// the stream already gets what changes.
func (a *API) stream(w http.ResponseWriter, r bunrouter.Request, events func(domain.EnvironmentKey) sse.Events) error {
	key := domain.EnvironmentKey(strings.Clone(r.Param("key"))) // the stream must not keep the request's text
	entry, err := a.streamable(key)
	if err == nil {
		err = a.admit(r.Request, entry)
	}
	if err != nil {
		return err
	}
	sse.SetHeader(w.Header())
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	seat := a.streams.Join(string(key), func() (<-chan time.Time, func()) { return a.o.Announcements.Listen(key) })
	if _, err := a.streamable(key); err != nil { // it ended before Listen, which then announces nothing
		seat.Leave()
		return err
	}
	if err := seat.Open(w, r.Request, events(key), a.streamLogger(w, r.Request, key)); err != nil {
		return err
	}
	w.(*exchange).taken = true
	return nil
}

// streamable returns the environment of which key is the client-side key. Errors:
// errNotFound, errNotListed.
func (a *API) streamable(key domain.EnvironmentKey) (app.Entry, error) {
	entry, err := a.lookup(string(key))
	if err == errUnknownKey || err == nil && entry.Key != key {
		return app.Entry{}, errNotFound
	}
	return entry, err
}

// streamLogger returns the function that writes the access log's line about a stream
// when it has ended, given the bytes that were sent.
func (a *API) streamLogger(w http.ResponseWriter, r *http.Request, key domain.EnvironmentKey) func(bytes int64) {
	if a.o.Access == nil {
		return func(int64) {}
	}
	record := a.record(w.(*exchange), r, 0).kept() // its end is not known yet
	record.Environment = string(key)
	return func(bytes int64) {
		record.Bytes, record.Duration = bytes, a.o.Now().Sub(record.Start)
		a.o.Access(record)
	}
}

// DrainStreams has all streams end within seconds, also those that are opened later, and
// their listeners reconnect; or, without on, streams stay open again. It does not wait and
// is safe for concurrent use.
func (a *API) DrainStreams(on bool) {
	if on {
		a.streams.Drain()
	} else {
		a.streams.Undrain()
	}
}

// EndStreams ends all streams, also those that are opened later, and waits for them.
func (a *API) EndStreams() { a.streams.End() }

package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
	"github.com/edge-proxy/edge-proxy/app"
)

// API is the http.Handler of the proxy. It is safe for concurrent use; make it with New.
type API struct {
	o            Options // with defaults for what is missing
	cors         cors
	certificates certificates

	gate       *gate // nil: nothing is refused
	refusalLog *refusalLog

	streams  *sse.Streams
	catchUps *limits.Slots // of requests that wait for a change

	unrouted map[string]measure // by method
	counters *counters          // shared with the APIs before and after, see Switch

	router     *bunrouter.Router
	errorForms map[string]errorForm // by the first element of a path

	evaluations *evaluationCache // nil: switched off
	exchanges   sync.Pool        // *exchange
	scratches   sync.Pool        // *scratch
	compressors sync.Pool        // *compressor
}

// New returns the API that o describes. It fails on a missing Query, and on a rule for a
// name that no certificate can have.
func New(o Options) (*API, error) {
	if o.Query == nil {
		return nil, errors.New("httpapi: no query to answer from")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UpstreamNow == nil {
		o.UpstreamNow = o.Now
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = defaultMaxBodyBytes
	}
	if o.MaxEventsBytes <= 0 {
		o.MaxEventsBytes = defaultMaxEventsBytes
	}
	if o.Inflight == nil {
		o.Inflight = NewInflight(0)
	}
	a := &API{
		o: o, streams: sse.New(), unrouted: unrouted(o.Observer), counters: newCounters(o.Observer != nil),
		cors: newCORS(o.AllowOrigins), evaluations: newEvaluationCache(o.IdentitiesCache),
		gate: newGate(o.Limits), catchUps: limits.NewSlots(maxCatchUp, 0), refusalLog: new(refusalLog),
	}
	var err error
	if a.certificates, err = newCertificates(o.Certificates); err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	var lanes atomic.Uint32
	a.exchanges.New = func() any { return &exchange{lane: lanes.Add(1)} }
	a.scratches.New = func() any { return new(scratch) }
	a.compressors.New = func() any { return newCompressor() }
	routes := a.routes()
	a.router, a.errorForms = newRouter(routes, a.o.Observer, a.o.Traces != nil), errorForms(routes)
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.serve(w, r, false) }

// ServeOverLimit answers a request on a connection beyond the limit of connections:
// liveness probes as ServeHTTP does, and all others with 503.
func (a *API) ServeOverLimit(w http.ResponseWriter, r *http.Request) { a.serve(w, r, true) }

func (a *API) serve(w http.ResponseWriter, r *http.Request, overLimit bool) {
	x := a.exchanges.Get().(*exchange)
	x.begin(w)
	switch {
	case a.o.Observer != nil, a.o.Traces != nil:
		if w, ok := w.(clocked); ok {
			x.start, x.clock = w.Arrived(), w
			break
		}
		fallthrough
	case a.o.Access != nil:
		x.start = a.o.Now()
	}
	defer a.finish(x, r)
	if a.o.Traces != nil {
		x.span.sampled = a.o.Traces.Sampled(r.Header)
	}

	echoRequestID(x, r)
	if a.corsOf(r).answer(x, r) {
		return
	}
	err := error(errCrowded)
	if !overLimit || strings.TrimSuffix(r.URL.Path, "/") == livenessPath {
		if err = a.admitAddress(r); err == nil {
			err = a.route(x, r)
		}
	}
	if err != nil {
		a.fail(x, r, err)
	}
	if a.o.Access != nil && !x.taken {
		x.environment = string(a.entryOf(r).Key)
	}
}

// finish ends an exchange, whether its handler returned or panicked. It recovers, so it
// must be deferred directly.
func (a *API) finish(x *exchange, r *http.Request) {
	if v := recover(); v != nil {
		a.recovered(x, r, v)
	}
	if a.o.Access != nil || a.o.Observer != nil || a.o.Traces != nil {
		a.account(x, r)
	}
	broken := x.broken
	a.release(x)
	x.end()
	a.exchanges.Put(x)
	if broken {
		// The answer is incomplete. The server must close the connection, so that the
		// client notices.
		panic(http.ErrAbortHandler)
	}
}

// account writes the access record of an exchange that has ended, traces and measures it.
func (a *API) account(x *exchange, r *http.Request) {
	now := a.o.Now()
	if x.clock != nil {
		x.clock.Answered(now)
	}
	took := now.Sub(x.start)
	if a.o.Access != nil && !x.taken {
		a.o.Access(a.record(x, r, took))
	}
	if a.o.Observer != nil || a.o.Traces != nil {
		a.measured(x, r, took, a.traced(x, r, took))
	}
}

// authenticate returns the entry of the request's key. Its Environment may be nil. A
// missing header is not the same as an empty one, and the first of several wins
// (docs/spec/behaviour.md#keys).
func (a *API) authenticate(r *http.Request) (app.Entry, error) {
	keys := r.Header["X-Environment-Key"]
	if len(keys) == 0 {
		return app.Entry{}, errMissingKey
	}
	entry, err := a.lookup(keys[0])
	switch err {
	case nil:
		err = a.admit(r, entry)
	case errUnknownKey:
		err = unknownKey(keys[0])
	}
	return entry, err
}

// lookup returns the entry of a key. Errors: errUnknownKey, or errNotListed when the key
// may still become known.
func (a *API) lookup(key string) (app.Entry, error) {
	snapshot := a.o.Query.Snapshot()
	entry, ok := snapshot.Lookup(key)
	switch {
	case ok:
		return entry, nil
	case key != "" && !snapshot.Complete():
		return app.Entry{}, errNotListed
	default:
		return app.Entry{}, errUnknownKey
	}
}

// errStopped has the words of the Flagsmith API.
var errStopped = detailed(http.StatusForbidden, "Organisation is disabled from serving flags.")

// serving is environment for requests that are answered with flags.
func (a *API) serving(r *http.Request) (app.Entry, error) {
	entry, err := a.environment(r)
	if err == nil && entry.Environment.Serving.Stopped {
		err = errStopped
	}
	return entry, err
}

// environment is authenticate for requests that need the environment's document.
func (a *API) environment(r *http.Request) (app.Entry, error) {
	entry, err := a.authenticate(r)
	if err == nil && entry.Environment == nil {
		err = errNoDocument
	}
	return entry, err
}

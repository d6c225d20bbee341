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
	query         app.Query
	announcements app.Announcements
	logger        *slog.Logger
	now           func() time.Time
	upstreamNow   func() time.Time
	maxBody       int64
	inflight      *Inflight
	access        func(AccessRecord)
	cors          cors
	trusted       TrustedPeers
	certificates  certificates

	gate       *gate // nil: nothing is refused
	refusalLog *refusalLog

	webhook   *Webhook  // nil: switched off
	usage     Usage     // nil: switched off
	analytics Analytics // nil: switched off
	events    Events    // nil: switched off
	maxEvents int64
	streams   *sse.Streams
	// ofrepStreams has answers by OFREP name a stream of events.
	ofrepStreams bool
	catchUps     *limits.Slots

	traces   Traces             // nil: requests are not traced
	observer Observer           // nil: nobody measures
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
	a := &API{
		query:         o.Query,
		announcements: o.Announcements,
		webhook:       o.Webhook,
		usage:         o.Usage,
		analytics:     o.Analytics,
		events:        o.Events,
		maxEvents:     o.MaxEventsBytes,
		streams:       sse.New(),
		logger:        o.Logger,
		now:           o.Now,
		upstreamNow:   o.UpstreamNow,
		maxBody:       o.MaxBodyBytes,
		inflight:      o.Inflight,
		access:        o.Access,
		traces:        o.Traces,
		observer:      o.Observer,
		unrouted:      unrouted(o.Observer),
		counters:      newCounters(o.Observer != nil),
		trusted:       o.TrustedPeers,
		cors:          newCORS(o.AllowOrigins),
		evaluations:   newEvaluationCache(o.IdentitiesCache),
		gate:          newGate(o.Limits),
		ofrepStreams:  !o.NoOFREPStreams,
		catchUps:      newCatchUps(),
		refusalLog:    new(refusalLog),
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.upstreamNow == nil {
		a.upstreamNow = a.now
	}
	if a.maxBody <= 0 {
		a.maxBody = defaultMaxBodyBytes
	}
	if a.maxEvents <= 0 {
		a.maxEvents = defaultMaxEventsBytes
	}
	if a.inflight == nil {
		a.inflight = NewInflight(0)
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
	a.router, a.errorForms = newRouter(routes, a.observer, a.traces != nil), errorForms(routes)
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
	case a.observer != nil, a.traces != nil:
		if w, ok := w.(clocked); ok {
			x.start, x.clock = w.Arrived(), w
			break
		}
		fallthrough
	case a.access != nil:
		x.start = a.now()
	}
	defer a.finish(x, r)
	if a.traces != nil {
		x.span.sampled = a.traces.Sampled(r.Header)
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
	if a.access != nil && !x.taken {
		x.environment = a.environmentOf(r)
	}
}

// finish ends an exchange, whether its handler returned or panicked. It recovers, so it
// must be deferred directly.
func (a *API) finish(x *exchange, r *http.Request) {
	if v := recover(); v != nil {
		a.recovered(x, r, v)
	}
	if a.access != nil || a.observer != nil || a.traces != nil {
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
	now := a.now()
	if x.clock != nil {
		x.clock.Answered(now)
	}
	took := now.Sub(x.start)
	if a.access != nil && !x.taken {
		a.access(a.record(x, r, took))
	}
	if a.observer != nil || a.traces != nil {
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
	snapshot := a.query.Snapshot()
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

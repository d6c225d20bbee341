package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/engine"
)

// Traces makes traces of requests after they were answered, so that answers do not wait
// for it. Its methods are called on the goroutine of the request, concurrently, and must
// not wait.
type Traces interface {
	// Sampled reports whether a request with this header is traced, whatever comes of it.
	// It is called before the request is answered, and must not allocate memory.
	Sampled(header http.Header) bool
	// Keeps reports whether a request that is not sampled is traced all the same, after it
	// was answered with a status and took some time. It must not allocate memory.
	Keeps(status int, took time.Duration) bool
	// Served sees to the span of a request that is traced. It returns the id of the trace in
	// hexadecimal. It must not keep the request, nor strings of it.
	Served(t TracedRequest) (traceID string)
}

// TracedRequest is a request that was answered, for a trace.
type TracedRequest struct {
	Request *http.Request
	Route   string // the template of the path, without a slash at the end; "" when no endpoint has the path
	Status  int
	Start   time.Time
	Took    time.Duration
	Client  string // the client's address and port
	Scheme  string // http or https
	// Environment is what the request's key belongs to; zero when it belongs to none.
	Environment app.Entry
	// Cache is "304" for a client that has the answer, "hit" or "miss" where the cache of
	// identities was asked, and "" otherwise.
	Cache string
	// Evaluated is how long the evaluation of an identity took; 0 without one, and for
	// requests that were not sampled.
	Evaluated time.Duration
	// Flag is the flag that was asked for by OFREP; nil for all other requests.
	Flag *TracedFlag
}

// TracedFlag is the evaluation of one flag, in the words of the semantic conventions for
// feature flags.
type TracedFlag struct{ Key, Variant, Reason string }

// spanFacts are what an exchange notes for its span.
type spanFacts struct {
	sampled   bool
	cache     string
	evaluated time.Duration
	flag      *engine.Outcome
}

// factsOf returns what the exchange behind w, the ResponseWriter of a handler, notes for
// its span.
func factsOf(w http.ResponseWriter) *spanFacts { return &w.(*exchange).span }

// traced makes the span of an exchange that has ended, if it is wanted, and returns the
// id of its trace.
func (a *API) traced(x *exchange, r *http.Request, took time.Duration) (traceID string) {
	if a.o.Traces == nil || !x.span.sampled && !a.o.Traces.Keeps(x.finalStatus(), took) {
		return ""
	}
	client, scheme := a.o.TrustedPeers.client(r)
	t := TracedRequest{
		Request: r, Route: x.route, Status: x.finalStatus(), Start: x.start, Took: took, Client: client, Scheme: scheme,
		Environment: a.entryOf(r), Cache: x.span.cache, Evaluated: x.span.evaluated, Flag: tracedFlag(x.span.flag),
	}
	if t.Status == http.StatusNotModified {
		t.Cache = "304"
	}
	return a.o.Traces.Served(t)
}

// tracedFlag returns the evaluation that led to o; nil for nil.
func tracedFlag(o *engine.Outcome) *TracedFlag {
	if o == nil {
		return nil
	}
	f := &TracedFlag{Key: o.Feature.Name, Reason: strings.ToLower(ofrepReason(o))}
	_ = json.Unmarshal(appendVariant(nil, o), &f.Variant) // it is a string
	return f
}

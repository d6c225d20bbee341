package httpapi

import (
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Limits configures which requests are refused. The zero value refuses none. Preflights
// and requests for health are never refused.
type Limits struct {
	// PerKey is how often requests may come with one client-side key. Server-side keys
	// have a quota of their own in each environment, unless ExemptServerKeys is set.
	PerKey           limits.Rate
	ExemptServerKeys bool
	// PerAddress is how often requests may come from one address, in IPv6 from one /64.
	PerAddress limits.Rate
	// MaxDocuments is how many environment documents, or pages of them, are written at
	// a time. Zero means no limit.
	MaxDocuments int
	// Networks says which addresses may ask.
	Networks limits.Networks
}

// documentPatience is how long a request for an environment document waits for others to
// end. SDKs wait ten seconds for an answer.
const documentPatience = time.Second

// maxDocumentRetry is the longest time, in seconds, after which a client shall ask again
// for an environment document. Clients get different times, so that they do not all come
// back at once.
const maxDocumentRetry = 5

// gate refuses requests, as Limits say. With a nil gate nothing is refused and nothing
// is computed.
type gate struct {
	keys       *limits.Rates[quotaOwner] // nil: not limited
	servers    bool                      // whether keys limits server-side keys too
	addresses  *limits.Rates[netip.Addr] // nil: not limited
	networks   limits.Networks
	restricted bool // whether networks refuse anything
	documents  *limits.Slots
}

// quotaOwner is who shares a quota: those who use one client-side key, or the server-side
// keys of one environment.
type quotaOwner struct {
	key    domain.EnvironmentKey
	access domain.Access
}

// newGate returns the gate of l, or nil when l refuses nothing.
func newGate(l Limits) *gate {
	g := &gate{
		keys: limits.NewRates[quotaOwner](l.PerKey), servers: !l.ExemptServerKeys, addresses: limits.NewRates[netip.Addr](l.PerAddress),
		networks: l.Networks, restricted: l.Networks.Restrict(), documents: limits.NewSlots(l.MaxDocuments, documentPatience),
	}
	if g.keys == nil && g.addresses == nil && !g.restricted && g.documents == nil {
		return nil
	}
	return g
}

// inherit takes over the state of the gate before, as far as the limits are the same: a
// reload gives nobody a new quota.
func (g *gate) inherit(before *gate) {
	if g == nil || before == nil {
		return
	}
	if g.keys.Rate() == before.keys.Rate() {
		g.keys = before.keys
	}
	if g.addresses.Rate() == before.addresses.Rate() {
		g.addresses = before.addresses
	}
	if g.documents.Max() == before.documents.Max() {
		g.documents = before.documents
	}
}

var errAddress = refused(http.StatusForbidden, "forbidden", "requests from this address are not allowed: ask the operator of the proxy to change server.allow or server.deny").as(forbiddenAddress)

// admitAddress returns nil when the address of the request's client may ask, and has not
// asked too often. It is called before the request is routed.
func (a *API) admitAddress(r *http.Request) error {
	g := a.gate
	if g == nil || !g.restricted && g.addresses == nil || isHealthPath(r.URL.Path) {
		return nil
	}
	address := a.clientAddress(r)
	if g.restricted && !g.networks.Admit(address) {
		a.logRefusal(&a.refusalLog.address, forbiddenAddress)
		return errAddress
	}
	if !address.IsValid() { // a peer on a Unix socket, or behind a proxy that sent no address
		return nil
	}
	now := a.o.Now()
	if wait, ok := g.addresses.Take(limits.Subscriber(address), now); !ok {
		return a.tooMany("address", g.addresses.Rate(), wait)
	}
	return nil
}

// admit returns nil when the client may use the environment of a key by its certificate,
// and the key has not been used too often. It is called once for each request that has a
// known key.
func (a *API) admit(r *http.Request, entry app.Entry) error {
	if err := a.certificates.admit(r.TLS, entry.Key); err != nil {
		return err
	}
	return a.admitKey(entry)
}

// admitKey returns nil when the key with which entry was found has not been used too
// often.
func (a *API) admitKey(entry app.Entry) error {
	g := a.gate
	if g == nil || g.keys == nil || entry.Access == domain.ServerSide && !g.servers {
		return nil
	}
	if wait, ok := g.keys.Take(quotaOwner{entry.Key, entry.Access}, a.o.Now()); !ok {
		return a.tooMany("key", g.keys.Rate(), wait)
	}
	return nil
}

// admitDocument returns nil when an environment document may be written now; then
// leaveDocument must be called afterwards. It may wait.
func (a *API) admitDocument(r *http.Request) error {
	if a.gate == nil || a.gate.documents.Take(r.Context().Done()) {
		return nil
	}
	a.logRefusal(&a.refusalLog.overloaded, overloaded)
	return refused(http.StatusServiceUnavailable, "unavailable", "too many environment documents are being sent: try again").
		with("Retry-After", strconv.Itoa(1+rand.IntN(maxDocumentRetry))).as(overloaded)
}

func (a *API) leaveDocument() {
	if a.gate != nil {
		a.gate.documents.Give()
	}
}

// tooMany logs and returns the refusal of a request beyond a rate. policy names
// the limit in the headers RateLimit and RateLimit-Policy, which have the form of
// draft-ietf-httpapi-ratelimit-headers-10.
func (a *API) tooMany(policy string, r limits.Rate, wait time.Duration) error {
	a.logRefusal(&a.refusalLog.rate, rateLimited)
	quota, whole := r.Window()
	after := strconv.FormatInt(wholeSeconds(wait), 10)
	return refused(http.StatusTooManyRequests, "too_many_requests", "too many requests with this "+policy+": try again after the time in Retry-After").
		with("Retry-After", after).
		with("Ratelimit-Policy", `"`+policy+`";q=`+strconv.Itoa(quota)+";w="+strconv.FormatInt(wholeSeconds(whole), 10)).
		with("Ratelimit", `"`+policy+`";r=0;t=`+after).as(rateLimited)
}

// wholeSeconds returns a time in seconds, rounded up, and at least one.
func wholeSeconds(d time.Duration) int64 {
	return max(int64((d+time.Second-1)/time.Second), 1)
}

// isHealthPath reports whether a path is one of those for health.
func isHealthPath(path string) bool {
	path = strings.TrimSuffix(path, "/")
	return path == livenessPath || slices.Contains(readinessPaths, path)
}

// refusalLog has what the log said about refused requests, by reason. APIs that replace
// each other share it.
type refusalLog struct {
	address, rate, overloaded rarely
}

// rarely is when something was logged that is logged once a minute at most.
type rarely struct {
	count  atomic.Int64 // since the last line
	logged atomic.Int64 // Unix time of that line
}

// due reports whether a line is to be logged at now. It is, too, when the last one is in the
// future, before the clock was set back.
func (r *rarely) due(now time.Time) bool {
	at, before := now.Unix(), r.logged.Load()
	passed := at - before
	return (passed >= 60 || passed < 0) && r.logged.CompareAndSwap(before, at)
}

// logRefusal logs, at most once a minute for each reason, that requests are refused.
func (a *API) logRefusal(last *rarely, reason rejection) {
	last.count.Add(1)
	if last.due(a.o.Now()) {
		a.o.Logger.Warn("requests_refused", "reason", string(reason), "refused", last.count.Swap(0))
	}
}

package httpapi

import (
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// defaultMaxBodyBytes is the limit of a request's body where none is given.
const defaultMaxBodyBytes = 1 << 20

// defaultMaxEventsBytes is the same for events, of which SDKs send a thousand at once.
const defaultMaxEventsBytes = 4 << 20

// Options configures an API.
type Options struct {
	// Query is what the requests are answered from. Required.
	Query app.Query
	// Announcements tell of new documents, for the streams of events. Nil: there
	// are no such streams.
	Announcements app.Announcements
	// Logger gets failures and panics, never a request that was merely refused.
	// Nil: they are not logged.
	Logger *slog.Logger
	// Now is asked for the times of access records and for the age of documents.
	// Nil: time.Now.
	Now func() time.Time
	// Usage counts requests that are served. Nil: nothing is counted, at no cost.
	Usage Usage
	// Analytics take what applications report. Nil: there are no such paths.
	Analytics Analytics
	// Events take the events of experiments. Nil: there are no such paths.
	Events Events
	// MaxEventsBytes limits the body of a request with events. Zero: 4 MiB.
	MaxEventsBytes int64
	// Webhook takes Flagsmith's calls about changes. Nil: there is no such path.
	Webhook *Webhook
	// AllowOrigins lists the origins that browsers may call from; "*" among them
	// allows all, an empty list none (docs/spec/behaviour.md#cors).
	AllowOrigins []string
	// MaxBodyBytes limits the body of a request. Zero: 1 MiB.
	MaxBodyBytes int64
	// IdentitiesCache remembers evaluations, keyed by the document's revision,
	// the identifier and the traits, of identities that come again. Flags need no
	// cache: they are prepared when the document changes.
	IdentitiesCache Cache
	// ProxyHeaders takes client address and scheme from X-Forwarded-For and
	// X-Forwarded-Proto where a trusted peer sent them.
	ProxyHeaders bool
	// ForwardedAllowIPs lists the trusted peers: addresses, CIDR ranges, or "*"
	// for all.
	ForwardedAllowIPs []string
	// Access is called once for every request when it has been answered, from
	// the request's goroutine. Nil: no access log, and no cost for it.
	Access func(AccessRecord)
}

// Webhook configures the path that Flagsmith calls when something has changed.
type Webhook struct {
	// Secret returns the key of the calls' signatures, never "". It is a function,
	// so that formatting Options shows no secret.
	Secret func() string
	// Refresh has the documents fetched, and returns at once.
	Refresh func()
}

// Cache configures an endpoint cache.
type Cache struct {
	Use bool // false: nothing is remembered, whatever MaxSize says
	// MaxSize is how many answers are remembered, the least recently used one
	// making room. Zero or less: none.
	MaxSize int
}

// AccessRecord tells what was asked and answered, for an access log.
type AccessRecord struct {
	// RemoteAddr is the client: the peer's address and port or, behind a trusted
	// proxy, the address that the proxy gave.
	RemoteAddr string
	Scheme     string // http or https, as the client used it where a trusted proxy told
	Method     string
	Path       string // as sent, with the query; server-side keys in it are masked
	Proto      string // such as HTTP/1.1
	Status     int
	Bytes      int64         // of the body, as sent
	Start      time.Time     // when the handler got the request
	Duration   time.Duration // from Start until the handler was done or, of a stream of events, until its end
}

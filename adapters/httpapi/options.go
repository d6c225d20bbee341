package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// defaultMaxBodyBytes limits a request's body when Options do not.
const defaultMaxBodyBytes = 1 << 20

// defaultMaxEventsBytes is the same for events, of which SDKs send a thousand at once.
const defaultMaxEventsBytes = 4 << 20

// Options configures an API.
type Options struct {
	// Query provides the snapshot and the readiness that answers are made from. It is
	// required.
	Query app.Query
	// Announcements announces new documents, for the streams of events. With nil the
	// API has no streams.
	Announcements app.Announcements
	// NoOFREPStreams keeps the streams out of answers by OFREP.
	NoOFREPStreams bool
	// Logger receives failures and panics, but no refused requests. With nil they are
	// dropped.
	Logger *slog.Logger
	// Now returns the time, for access records. Nil means time.Now.
	Now func() time.Time
	// UpstreamNow returns what upstream's clock shows, for the age of documents. Nil means
	// Now.
	UpstreamNow func() time.Time
	// Usage counts served requests. With nil nothing is counted, at no cost.
	Usage Usage
	// Analytics receives what applications report. With nil the API has no such paths.
	Analytics Analytics
	// Events receives the events of experiments. With nil the API has no such paths.
	Events Events
	// MaxEventsBytes limits the body of a request with events. Zero means 4 MiB.
	MaxEventsBytes int64
	// Webhook configures the path for Flagsmith's calls about changes. With nil the API
	// has no such path.
	Webhook *Webhook
	// AllowOrigins lists the origins that browsers may call from. "*" allows all, an
	// empty list none (docs/spec/behaviour.md#cors).
	AllowOrigins []string
	// MaxBodyBytes limits the body of a request. Zero means 1 MiB.
	MaxBodyBytes int64
	// Inflight bounds the bytes of bodies and answers that are under way. Nil means the
	// default bound, for this API alone.
	Inflight *Inflight
	// IdentitiesCache configures the cache of evaluations, by the document's revision,
	// the identifier and the traits. Flags need no cache: they are prepared when the
	// document changes.
	IdentitiesCache Cache
	// Traces makes traces of requests. With nil requests are not traced, at no cost.
	Traces Traces
	// TrustedPeers are the proxies from whose X-Forwarded-For and X-Forwarded-Proto the
	// client's address and scheme are taken.
	TrustedPeers TrustedPeers
	// Observer measures requests. With nil nothing is measured, at no cost.
	Observer Observer
	// Limits says which requests are refused: those of addresses that may not ask, and
	// those that are too many. The zero value refuses none, at no cost.
	Limits Limits
	// Certificates says which environments clients may use by their certificates. The zero
	// value allows all.
	Certificates Certificates
	// Access is called once for every request after its answer, on the request's
	// goroutine. With nil the API keeps no access log, at no cost.
	Access func(AccessRecord)
}

// Webhook configures the path that Flagsmith calls when something has changed.
type Webhook struct {
	// Secret returns the key of the calls' signatures, never "". It is a function, so
	// that formatting Options does not print the secret.
	Secret func() string
	// Refresh starts to fetch the documents and returns at once. It is called with the
	// request, whose body has been read, and must not keep it.
	Refresh func(*http.Request)
}

// Cache configures an endpoint cache.
type Cache struct {
	Use bool // false switches the cache off, whatever MaxSize is
	// MaxSize is how many answers are stored. The least recently used one is dropped
	// first. Zero or less switches the cache off.
	MaxSize int
	// MaxBytes is how many bytes the stored answers may take together. Zero or less means
	// 64 MiB.
	MaxBytes int64
}

// AccessRecord describes a request and its answer, for an access log.
type AccessRecord struct {
	// RemoteAddr is the client: the peer's address and port or, behind a trusted proxy,
	// the address that the proxy sent.
	RemoteAddr string
	Scheme     string // http or https; behind a trusted proxy the one that the client used
	Method     string
	Path       string // as sent, with the query; server-side keys in it are masked
	Proto      string // such as HTTP/1.1
	Status     int
	Bytes      int64         // of the body, as sent
	Start      time.Time     // when the handler got the request
	Duration   time.Duration // from Start until the handler returned, or until a stream of events ended

	// Environment is the client-side key of the environment whose key the request has, "" if
	// it has none or an unknown one, and for preflights and panics.
	Environment string
	RequestID   string // X-Request-ID, as sent, server-side keys masked; "" if it is not short and printable
	TraceID     string // of traceparent, 32 hexadecimal digits; "" without a valid one
	UserAgent   string // as sent; server-side keys masked
}

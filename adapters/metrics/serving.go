package metrics

import "github.com/edge-proxy/edge-proxy/app"

// The metrics of serving requests.
var (
	requestDuration = histogram("http_server_request_duration_seconds",
		"Time from the arrival of a request until its answer was made",
		[]float64{50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 1}, label("http_route"), label("http_request_method"), label("http_response_status_code"))
	responseBytes = counter("edge_proxy_http_response_bytes_total", "Bytes of the bodies of answers, as sent", label("http_route"))
	Rejected      = counter("edge_proxy_http_rejected_total",
		"Requests that were refused, by reason; no_document: it has not arrived yet; bad_body: the body or a parameter cannot be used",
		label("reason", "no_key", "unknown_key", "client_key_on_server_route", "no_document", "body_too_large", "head_too_large", "bad_body", "rate_limited", "overloaded", "address", "client_certificate"))
	requestsServed = counter("edge_proxy_requests_total",
		"Requests that were answered with what they asked for or with 304, by environment",
		environmentLabel, label("resource", "flags", "identities", "document", "ofrep"))
	SDKRequests = counter("edge_proxy_sdk_requests_total",
		"Requests that were served, by the SDK that sent them: the name in Flagsmith-SDK-User-Agent or User-Agent, if it is one of Flagsmith's", label("sdk"))
	ActiveRequests = gauge("http_server_active_requests",
		"Requests that are being received or answered now; of event streams, those over HTTP/2 are among them")
	Connections = gauge("edge_proxy_connections",
		"Open connections of clients; h2: those that have had a request of HTTP/2; sse: those that an event stream has for itself",
		label("protocol", "http1", "h2", "sse"))
	ConnectionsAccepted = counter("edge_proxy_connections_accepted_total", "Connections that were accepted")
	ConnectionsClosed   = counter("edge_proxy_connections_closed_total",
		"Connections that ended; peer: by the client or at its wish; refused: beyond the limit of connections; error: after a request that is not HTTP, or a failure",
		label("reason", "peer", "idle", "drain", "timeout", "refused", "error"))
	RequestsHandedOver = counter("edge_proxy_requests_handed_over_total",
		"Connections that left the fast path for net/http, with all their further requests; unusual: another version, spelling or form than plain requests have; incomplete: the request did not arrive as a whole",
		label("reason", "fast_path_off", "http2", "unusual", "large_head", "large_body", "no_memory", "incomplete"))
	CacheRequests = counter("edge_proxy_evaluation_cache_requests_total",
		"Lookups in the cache of identities", label("result", "hit", "miss")).optional(onlyWithCache)
	CacheEntries   = gauge("edge_proxy_evaluation_cache_entries", "Identities in the cache").optional(onlyWithCache)
	CacheBytes     = gauge("edge_proxy_evaluation_cache_bytes", "Memory of the cache of identities, approximately").optional(onlyWithCache)
	conditionLimit = counter("edge_proxy_condition_limit_total",
		"Evaluations of the document that is served which ran out of their budget of steps, by what used it up; dependency: flags that a condition reads",
		environmentLabel, label("kind", texts(app.Costs())...)).optional("after the first")
	Panics = counter("edge_proxy_panics_total", "Requests whose handler panicked: a fault of the proxy")
)

const onlyWithCache = "with `endpoint_caches.identities.use_cache`"

// environmentLabel is the client-side key of an environment.
var environmentLabel = label("environment")

func serving() []Definition {
	return []Definition{
		requestDuration, ActiveRequests, responseBytes, Rejected, requestsServed, SDKRequests, Connections,
		ConnectionsAccepted, ConnectionsClosed, RequestsHandedOver, CacheRequests, CacheEntries, CacheBytes, conditionLimit, Panics,
	}
}

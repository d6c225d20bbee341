package metrics

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The metrics of upstream.
var (
	upstreamDuration = histogram("edge_proxy_upstream_request_duration_seconds",
		"Time that upstream took to answer; invalid: an answer that cannot be used; timeout, dns, refused, tls, proxy: no answer came",
		[]float64{0.1, 0.5, 1, 5}, label("operation", texts(app.Operations())...), label("outcome", texts(ports.Outcomes())...))
	fetchFailures    = gauge("edge_proxy_document_fetch_failures", "Polls of the environment that failed in a row, by this node", environmentLabel)
	pollLate         = counter("edge_proxy_poll_late_total", "Polls that could not start in time, because `api_poll_concurrency` others were under way")
	upstreamStreamUp = gauge("edge_proxy_upstream_stream_up",
		"Whether the environment's event stream from upstream is connected", environmentLabel).optional(onlyWithStreams)
	upstreamStreamEvents = counter("edge_proxy_upstream_stream_events_total",
		"Events about changes that upstream's streams brought, of all environments").optional(onlyWithStreams)
	upstreamStreamReconnects = counter("edge_proxy_upstream_stream_reconnects_total",
		"Streams from upstream that were opened again after they broke, of all environments").optional(onlyWithStreams)
	discoverySuccess = gauge("edge_proxy_discovery_success_timestamp_seconds",
		"When upstream last answered with the list of environments").optional("with `proxy_key`, once it has")
	discoveredEnvironments = gauge("edge_proxy_discovered_environments", "Environments of the last list").optional("with `proxy_key`")
	WebhookCalls           = counter("edge_proxy_webhook_total",
		"Calls of the webhook by result; malformed: the body could not be read", label("result", "accepted", "bad_signature", "malformed"))
)

const onlyWithStreams = "with `realtime_url`"

func upstream() []Definition {
	return []Definition{upstreamDuration, fetchFailures, pollLate, upstreamStreamUp, upstreamStreamEvents, upstreamStreamReconnects, WebhookCalls, discoverySuccess, discoveredEnvironments}
}

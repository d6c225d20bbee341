package metrics

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The metrics of upstream.
var (
	upstreamDuration = Definition{
		Name: "edge_proxy_upstream_request_duration_seconds", Type: Histogram,
		Help:    "Time that upstream took to answer; invalid: an answer that cannot be used; timeout, dns, refused, tls, proxy: no answer came",
		Labels:  []Label{label("operation", texts(app.Operations())...), label("outcome", texts(ports.Outcomes())...)},
		Buckets: []float64{0.1, 0.5, 1, 5},
	}
	fetchFailures = Definition{
		Name: "edge_proxy_document_fetch_failures", Type: Gauge,
		Help:   "Polls of the environment that failed in a row, by this node",
		Labels: []Label{environmentLabel},
	}
	pollLate = Definition{
		Name: "edge_proxy_poll_late_total", Type: Counter,
		Help: "Polls that could not start in time, because `api_poll_concurrency` others were under way",
	}
	upstreamStreamUp = Definition{
		Name: "edge_proxy_upstream_stream_up", Type: Gauge,
		Help:     "Whether the environment's event stream from upstream is connected",
		Labels:   []Label{environmentLabel},
		Optional: onlyWithStreams,
	}
	upstreamStreamEvents = Definition{
		Name: "edge_proxy_upstream_stream_events_total", Type: Counter,
		Help:     "Events about changes that upstream's streams brought, of all environments",
		Optional: onlyWithStreams,
	}
	upstreamStreamReconnects = Definition{
		Name: "edge_proxy_upstream_stream_reconnects_total", Type: Counter,
		Help:     "Streams from upstream that were opened again after they broke, of all environments",
		Optional: onlyWithStreams,
	}
	discoverySuccess = Definition{
		Name: "edge_proxy_discovery_success_timestamp_seconds", Type: Gauge,
		Help:     "When upstream last answered with the list of environments",
		Optional: "with `proxy_key`, once it has",
	}
	discoveredEnvironments = Definition{
		Name: "edge_proxy_discovered_environments", Type: Gauge,
		Help:     "Environments of the last list",
		Optional: "with `proxy_key`",
	}
	WebhookCalls = Definition{
		Name: "edge_proxy_webhook_total", Type: Counter,
		Help:   "Calls of the webhook by result; malformed: the body could not be read",
		Labels: []Label{label("result", "accepted", "bad_signature", "malformed")},
	}
)

const onlyWithStreams = "with `realtime_url`"

func upstream() []Definition {
	return []Definition{upstreamDuration, fetchFailures, pollLate, upstreamStreamUp, upstreamStreamEvents, upstreamStreamReconnects, WebhookCalls, discoverySuccess, discoveredEnvironments}
}

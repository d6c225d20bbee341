package standard

import (
	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// trafficOf returns the function that reports the traffic; meter is nil when requests are
// not measured.
func trafficOf(meter *metrics.TrafficMeter, server *httpserver.Server, handler *httpapi.Switch) func() adminapi.Traffic {
	return func() adminapi.Traffic {
		t := adminapi.Traffic{Connections: openConnections(server, handler)}
		if meter != nil {
			m := meter.Traffic()
			t.LastMinute = &adminapi.LastMinute{
				Over: m.Over, Requests: m.Requests, NotModified: m.NotModified, ClientErrors: m.ClientErrors, ServerErrors: m.ServerErrors,
				Median: m.Median, P99: m.P99, Longest: m.Longest,
			}
		}
		return t
	}
}

// openConnections returns how many connections of clients are open, by protocol.
func openConnections(server *httpserver.Server, handler *httpapi.Switch) map[string]int64 {
	stats, streams := server.Stats(), handler.Stats().Streams
	sse := streams.Open - streams.Shared
	// The two were not counted at the same moment.
	return map[string]int64{"http1": max(0, stats.Open-stats.HTTP2-sse), "h2": stats.HTTP2, "sse": sse}
}

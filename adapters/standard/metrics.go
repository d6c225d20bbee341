package standard

import (
	"net/http"
	"runtime"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// newMetrics returns the metrics; nil: they are off, or nobody can read them, so that
// they cost nothing.
func newMetrics(s config.Settings, readable bool) *metrics.Metrics {
	if !s.Metrics.Enabled || !readable {
		return nil
	}
	return metrics.New(metrics.Options{NativeHistograms: s.Metrics.NativeHistograms, MaxEnvironments: s.Metrics.MaxEnvironments, Processors: runtime.GOMAXPROCS(0)})
}

// metricsHandler returns the handler of scrapes of m, which may be nil.
func metricsHandler(m *metrics.Metrics) http.Handler {
	if m != nil {
		return m.Handler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "there are no metrics: metrics.enabled is false; set it to true and restart the proxy", http.StatusNotFound)
	})
}

// observerOf returns the observer of the application; nil when metrics are off.
func observerOf(m *metrics.Metrics) app.Observer {
	if m == nil {
		return nil
	}
	return m.Events()
}

// actedOf returns what counts the actions of operators; nil when metrics are off.
func actedOf(m *metrics.Metrics) func(string, adminapi.Result) {
	if m == nil {
		return nil
	}
	return func(action string, result adminapi.Result) { m.Events().Acted(action, string(result)) }
}

// measured are the parts of a proxy whose counts are metrics.
type measured struct {
	proxy   *app.App
	store   ports.Store
	handler *httpapi.Switch
	server  *httpserver.Server
	loggers *logging.Loggers
	tls     map[string]*tlsfiles.Server // by the listener's name; without those that are off
	reloads *reloader
}

// addReadings adds what the parts count.
func addReadings(m *metrics.Metrics, s config.Settings, p measured) {
	build := commands.ReadBuild()
	m.AddStatus(p.proxy.Status)
	m.Add(
		metrics.Constant(metrics.BuildInfo, build.Version, build.Commit, runtime.Version()),
		metrics.Constant(metrics.StoreInfo, s.Store.URL.Parse().Scheme),
		metrics.Values(metrics.Rejected, func() map[string]int64 {
			rejected := p.handler.Stats().Rejected
			rejected["head_too_large"] += p.server.Stats().HeadsTooLarge
			return rejected
		}),
		metrics.Value(metrics.ActiveRequests, func() int64 { return p.server.Stats().Active }),
		metrics.Value(metrics.ConnectionsAccepted, func() int64 { return p.server.Stats().Accepted }),
		metrics.Values(metrics.ConnectionsClosed, func() map[string]int64 { return p.server.Stats().Closed }),
		metrics.Values(metrics.RequestsHandedOver, func() map[string]int64 { return p.server.Stats().HandedOver }),
		metrics.Values(metrics.Connections, func() map[string]int64 { return openConnections(p.server, p.handler) }),
		metrics.Value(metrics.StreamEvents, func() int64 { return p.handler.Stats().Streams.Events }),
		metrics.Values(metrics.StreamClosed, func() map[string]int64 { return p.handler.Stats().Streams.Closed }),
		metrics.Values(metrics.SDKRequests, func() map[string]int64 { return p.handler.Stats().SDKs }),
		metrics.Values(metrics.WebhookCalls, func() map[string]int64 { return p.handler.Stats().Webhooks }),
		metrics.Value(metrics.Panics, func() int64 { return p.handler.Stats().Panics }),
		metrics.Reading{Definition: metrics.LogRecords, Read: func(emit metrics.Emit) {
			for _, c := range p.loggers.Counts() {
				emit(float64(c.Lines), c.Level)
			}
		}},
		metrics.Value(metrics.LogRecordsLost, p.loggers.Lost),
		metrics.Value(metrics.ConfigReloadSuccessful, func() int {
			if _, valid := p.reloads.outcome.last(); !valid {
				return 0
			}
			return 1
		}),
		metrics.Value(metrics.ConfigReloadTime, func() float64 {
			at, _ := p.reloads.outcome.last()
			return float64(at.UnixMilli()) / 1e3
		}),
		metrics.Value(metrics.ConfigRestartNeeded, func() int { return len(p.reloads.effective.Load().RestartNeeded) }),
		metrics.Value(metrics.ConfigWarnings, func() int { return len(p.reloads.effective.Load().Warnings) }),
		metrics.Reading{Definition: metrics.ConfigInfo, Read: func(emit metrics.Emit) { emit(1, p.reloads.effective.Load().Hash) }},
	)
	if file, ok := p.store.(ports.Sized); ok {
		m.Add(metrics.Reading{Definition: metrics.StoreBytes, Read: func(emit metrics.Emit) {
			if n, err := file.Size(); err == nil { // the file may be away
				emit(float64(n))
			}
		}})
	}
	if len(p.tls) > 0 {
		m.Add(
			metrics.Reading{Definition: metrics.CertificateNotAfter, Read: func(emit metrics.Emit) {
				for listener, files := range p.tls {
					emit(float64(files.Stats().NotAfter.Unix()), listener)
				}
			}},
			metrics.Values(metrics.CertificateReloads, func() map[string]int64 {
				sum := map[string]int64{}
				for _, files := range p.tls {
					stats := files.Stats()
					sum["success"] += stats.Reloaded
					sum["failure"] += stats.Failed
				}
				return sum
			}),
			metrics.Reading{Definition: metrics.HandshakeErrors, Read: func(emit metrics.Emit) {
				for _, reason := range tlsfiles.Reasons() {
					var sum int64
					for _, files := range p.tls {
						sum += files.Stats().HandshakeErrors[reason]
					}
					emit(float64(sum), reason.String())
				}
			}},
		)
	}
	if features := p.proxy.Features(); features != nil {
		m.Add(metrics.Reading{Definition: metrics.FeatureEvaluations, Read: func(emit metrics.Emit) {
			features.Each(func(environment domain.EnvironmentKey, feature string, n int64) {
				emit(float64(n), string(environment), feature)
			})
		}})
	}
	if s.EndpointCaches.Identities.UseCache {
		m.Add(
			metrics.Values(metrics.CacheRequests, func() map[string]int64 {
				stats := p.handler.Stats()
				return map[string]int64{"hit": stats.CacheHits, "miss": stats.CacheMisses}
			}),
			metrics.Value(metrics.CacheEntries, func() int64 { return p.handler.Stats().CacheEntries }),
			metrics.Value(metrics.CacheBytes, func() int64 { return p.handler.Stats().CacheBytes }),
		)
	}
}

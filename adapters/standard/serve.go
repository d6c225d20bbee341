package standard

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The loggers' names are those of the Python proxy where it has the same logger.
const (
	logServer  = "edge_proxy.server"
	logApp     = "edge_proxy.environments"
	logStore   = "edge_proxy.store"
	logNetwork = "edge_proxy.network"
)

// Serve implements commands.Wiring.
func (w *wiring) Serve(ctx context.Context, src config.Source) error {
	hangups, stopHangups := notifyHangups()
	defer stopHangups()
	defer ignoreBrokenPipes()()
	reading := &config.Reading{}
	src.ReadFile = reading.ReadFile
	settings, effective, warnings, err := config.LoadEffective(src)
	if err != nil {
		return &commands.ConfigurationError{Err: err, Warnings: warnings}
	}
	loggers, err := w.loggers(settings)
	if err != nil {
		return &commands.ConfigurationError{Err: err}
	}
	defer func() { _ = loggers.Close() }()
	logger := loggers.Logger(logServer)
	for _, warning := range warnings {
		logConfigurationWarning(ctx, logger, warning)
	}
	// net/http reports some problems of connections to the standard logger only.
	log.SetFlags(0)
	log.SetOutput(libraryLog{loggers.Logger(logNetwork)})
	if settings.WebConcurrency > 0 {
		runtime.GOMAXPROCS(settings.WebConcurrency)
	}
	logger.Log(ctx, ports.LevelAlways, "starting", "version", commands.ReadBuild().Version, "api_url", settings.APIURL.String(),
		"store", settings.Store.URL.String(), "processors", runtime.GOMAXPROCS(0))
	limitMemory(ctx, settings, logger)

	application := appConfig(settings)
	traces, err := openTraces(ctx, settings, src.Environ, application.Node, loggers.Logger(logNetwork))
	if err != nil {
		return &commands.ConfigurationError{Err: err}
	}
	defer flush(ctx, traces.close)
	certs, err := openCertificates(settings, logger)
	if err != nil {
		return &commands.ConfigurationError{Err: err}
	}
	source, err := openOrigin(settings, certs, loggers.Logger(logNetwork), traces.propagate)
	if err != nil {
		return &commands.ConfigurationError{Err: err}
	}
	events, err := openEvents(settings, certs)
	if err != nil {
		return &commands.ConfigurationError{Err: err}
	}
	upstream := newOrigins(source)
	defer upstream.close()
	admin, err := openAdmin(ctx, settings.Admin, certs.ofAdmin(), loggers.Logger(logAdmin))
	if err != nil {
		logger.Log(ctx, logging.LevelCritical, "start_failed", "error", err)
		return commands.ErrReported
	}
	if admin != nil {
		defer admin.Close()
	}
	store, err := w.OpenStore(ctx, settings.Store, commands.Writes, loggers.Logger(logStore))
	if err != nil {
		logger.Log(ctx, logging.LevelCritical, "start_failed", "error", err)
		return commands.ErrReported
	}
	measures := newMetrics(settings, admin != nil || pushesMetrics(src.Environ))
	if measures != nil && settings.Metrics.Features {
		application.FeatureTotals = metrics.MaxFeatures
	}
	reloads := &reloader{
		source: src, logger: logger, loggers: loggers, origins: upstream, certificates: certs, traces: traces,
		inForce: settings, reading: reading, warnings: warnings, measures: measures, levels: map[string]*temporaryLevel{},
	}
	reloads.applied.Store(&settings)
	reloads.effective.Store(&effective)
	reloads.outcome.succeeded(time.Now())
	proxy := app.New(application, app.Deps{
		Upstream: upstream, Notifier: source.notifier, Discoverer: upstream.discoverer(), Store: store, Presenter: &httpapi.Presenter{},
		Logger: loggers.Logger(logApp), Now: time.Now, Random: mathrand.Float64, Background: inBackground,
		Usage: upstream.usage(), NewUUID: flagsmith.NewIdempotencyKey, Analytics: upstream.analytics(),
		Events: events, Volatile: settings.Store.URL.Parse().Scheme == memory.Scheme, FromFiles: inDirectory(settings),
		Observer: observerOf(measures), Tracer: traces.polls,
		Version: commands.ReadBuild().Version, ConfigHash: func() string { return reloads.effective.Load().Hash },
	})
	api, err := newAPI(settings, proxy, loggers, measures, traces, loggers.AccessEnabled())
	if err != nil {
		_ = store.Close()
		return &commands.ConfigurationError{Err: err}
	}
	handler := httpapi.NewSwitch(api)
	reloads.handler, reloads.proxy = handler, proxy
	defer reloads.closeLevels()
	server := newServer(settings, certs, handler, logger, func(peer netip.Addr) bool {
		return reloads.applied.Load().Server.ProxyProtocolFrom.Contains(peer)
	})
	var meter *metrics.TrafficMeter
	if measures != nil {
		addReadings(measures, settings, measured{proxy, store, handler, server, loggers, certs.ofListeners(), reloads})
		meter = measures.TrafficMeter(time.Now)
	}
	stopPush, err := pushMetrics(ctx, src.Environ, application.Node, measures, loggers.Logger(logNetwork))
	if err != nil {
		_ = store.Close()
		return &commands.ConfigurationError{Err: err}
	}
	defer flush(ctx, stopPush)
	if admin != nil {
		node := inspect.NewNode(inspect.NodeDeps{Served: proxy.Snapshot, History: proxy, Store: store, Upstream: upstream, Now: time.Now})
		if err := serveAdmin(ctx, admin, settings, proxy, reloads, node, store, measures, trafficOf(meter, server, handler), loggers.Logger(logAdmin)); err != nil {
			_ = store.Close()
			return err
		}
	}
	var reloading sync.WaitGroup
	defer reloading.Wait()
	w.interrupts.set(reloads.interrupted, func(s os.Signal) {
		logger.ErrorContext(ctx, "ended_by_second_signal", "signal", s.String(), "effect", "requests in progress were cut off")
		flushing, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		loggers.Flush(flushing)
	})
	ctx, stopReloading := context.WithCancel(ctx)
	defer stopReloading()
	reloading.Go(func() { reloads.run(ctx, hangups) })
	reloading.Go(func() { certs.follow(ctx) })
	if meter != nil {
		reloading.Go(func() { meter.Run(ctx) })
	}
	if !slices.ContainsFunc(src.Environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		reloading.Go(func() { boundGarbage(ctx) })
	}
	if err := proxy.Run(ctx, server); err != nil {
		logger.Log(ctx, logging.LevelCritical, "failed", "error", err)
		return commands.ErrReported
	}
	return nil
}

// flush sends the last traces or metrics, for at most telemetryTimeout.
func flush(ctx context.Context, shutdown func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), telemetryTimeout)
	defer cancel()
	_ = shutdown(ctx) // what cannot be sent is logged
}

// telemetryTimeout is how long the last traces, or metrics, may take to be sent.
const telemetryTimeout = 2 * time.Second

// flushTimeout is how long the last line before a sudden end may take.
const flushTimeout = 200 * time.Millisecond

func appConfig(s config.Settings) app.Config {
	freshness := domain.Freshness{PollInterval: s.APIPollFrequency}
	if grace := s.HealthCheck.GracePeriod; !grace.Never {
		freshness.Grace = &grace.Period
	}
	return app.Config{
		Environments: s.Environments(), Freshness: freshness, PollConcurrency: s.APIPollConcurrency,
		History: app.History{Documents: s.History.Documents, Bytes: s.History.MaxBytes},
		DocumentGuard: app.DocumentGuard{
			Mode: app.GuardMode(s.DocumentGuard.Mode), Hold: s.DocumentGuard.Hold,
			Limits: domain.ChangeLimits{MaxRemoved: s.DocumentGuard.MaxRemoved, MaxTurnedOff: s.DocumentGuard.MaxTurnedOff, MinFeatures: s.DocumentGuard.MinFeatures},
		},
		Lease: s.Store.Lease, Node: nodeName(), DrainDelay: s.Server.DrainDelay, ShutdownTimeout: s.Server.ShutdownTimeout,
		UsageInterval: s.UsageFlushInterval, AnalyticsInterval: s.Analytics.FlushInterval,
		EventsInterval: s.Events.FlushInterval, EventsMaxBytes: s.Events.MaxQueueBytes,
	}
}

// nodeName names this process: by its host for people, and by random digits so that no
// two have the same name.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	var unique [6]byte
	_, _ = rand.Read(unique[:]) // never fails
	return host + "-" + hex.EncodeToString(unique[:])
}

func logConfigurationWarning(ctx context.Context, logger *slog.Logger, w config.Warning) {
	logger.WarnContext(ctx, "configuration_warning", "key", w.Key, "warning", w.Message, "origin", w.Origin)
}

// newAPI returns the HTTP interface, which m measures unless it is nil; access says whether
// it writes an access log.
func newAPI(s config.Settings, proxy *app.App, loggers *logging.Loggers, m *metrics.Metrics, traces traces, access bool) (*httpapi.API, error) {
	options := httpapi.Options{
		Query: proxy, Announcements: proxy, Logger: loggers.Logger(logServer), AllowOrigins: s.AllowOrigins, MaxBodyBytes: s.Server.MaxBodyBytes,
		Inflight:        httpapi.NewInflight(max(s.Server.MaxInflightBytes, 4*s.Server.MaxBodyBytes)),
		IdentitiesCache: httpapi.Cache{Use: s.EndpointCaches.Identities.UseCache, MaxSize: s.EndpointCaches.Identities.CacheMaxSize, MaxBytes: s.EndpointCaches.Identities.CacheMaxBytes},
		Limits:          requestLimits(s.Server), NoOFREPStreams: !s.OFREP.EventStreams, UpstreamNow: proxy.UpstreamNow,
		Certificates: httpapi.Certificates{Required: s.Server.TLS.ClientAuth == string(tlsfiles.AuthRequire), Rules: certificateRules(s)},
	}
	if s.Server.ProxyHeaders {
		options.TrustedPeers = httpapi.TrustedPeers{All: s.ForwardedAllowIPs.All, Networks: s.ForwardedAllowIPs.Prefixes}
	}
	if proxy.ReportsUsage() || m != nil {
		options.Usage = proxy.Requests()
	}
	if m != nil {
		options.Observer = m.Requests()
	}
	if s.Analytics.Enabled {
		options.Analytics = proxy.Analytics()
	}
	if events := proxy.Events(); events != nil {
		options.Events, options.MaxEventsBytes = events, s.Events.MaxBodyBytes
	}
	if !s.Webhook.Secret.IsZero() {
		options.Webhook = &httpapi.Webhook{Secret: s.Webhook.Secret.Reveal, Refresh: func(r *http.Request) { proxy.RefreshAll(traces.contextOf(r)) }}
	}
	options.Traces = traces.requests
	if access {
		options.Access = accessLog(loggers)
	}
	api, err := httpapi.New(options)
	if err != nil {
		return nil, fmt.Errorf("the HTTP interface: %w", err)
	}
	return api, nil
}

// requestLimits returns which requests the HTTP interface refuses.
func requestLimits(s config.Server) httpapi.Limits {
	l := s.Limits
	return httpapi.Limits{
		PerKey: limits.Rate{PerSecond: l.PerKey, Burst: l.BurstPerKey}, ExemptServerKeys: l.ExemptServerKeys,
		PerAddress:   limits.Rate{PerSecond: l.PerAddress, Burst: l.BurstPerAddress},
		MaxDocuments: l.MaxDocuments, Networks: limits.Networks{Allow: s.Allow, Deny: s.Deny},
	}
}

// newServer returns the server; proxies reports which peers may send headers of the PROXY
// protocol.
func newServer(s config.Settings, certs *certificates, handler *httpapi.Switch, logger *slog.Logger, proxies func(peer netip.Addr) bool) *httpserver.Server {
	var plainPort *int
	if s.Server.HTTPPort.Chosen {
		plainPort = &s.Server.HTTPPort.Number
	}
	return httpserver.New(handler, httpserver.Options{
		Host: s.Server.Host, Port: s.Server.Port, TLS: certs.ofServer(), PlainPort: plainPort,
		UnixSocket: s.Server.UnixSocket, ProxyProtocolFrom: proxies, Logger: logger,
		ReadHeaderTimeout: s.Server.ReadHeaderTimeout, ReadTimeout: s.Server.ReadTimeout, WriteTimeout: s.Server.WriteTimeout,
		KeepAliveTimeout: s.Server.TimeoutKeepAlive, MaxHeaderBytes: s.Server.MaxHeaderBytes, NoFastPath: !s.Server.FastPath, OnDrain: handler.DrainStreams, OnShutdown: handler.EndStreams,
		MaxConnections: s.Server.MaxConnections, OverLimit: http.HandlerFunc(handler.ServeOverLimit), Memory: handler.Inflight(),
	})
}

func accessLog(loggers *logging.Loggers) func(httpapi.AccessRecord) {
	return func(r httpapi.AccessRecord) {
		loggers.Access(logging.AccessRecord{
			Time: r.Start.Add(r.Duration), RemoteAddr: r.RemoteAddr, Method: r.Method, Path: r.Path,
			HTTPVersion: strings.TrimPrefix(r.Proto, "HTTP/"), Status: r.Status, Duration: r.Duration, Bytes: r.Bytes,
			Environment: r.Environment, RequestID: r.RequestID, TraceID: r.TraceID, UserAgent: r.UserAgent,
		})
	}
}

//go:build !notracing

package standard

import (
	"context"
	"log/slog"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/tracing"
)

// openTraces returns what makes traces, if the environment asks for them. It connects to
// nothing. Programs that are built with the tag notracing make none and are smaller.
func openTraces(ctx context.Context, s config.Settings, environ []string, node string, logger *slog.Logger) (traces, error) {
	if !tracing.Enabled(environ) {
		return traces{}, nil
	}
	t, err := tracing.New(ctx, tracing.Options{
		Environ: environ, Version: commands.ReadBuild().Version, Node: node,
		ByParent: s.Tracing.SampledByParent, Ratio: s.Tracing.Ratio, Slow: s.Tracing.Slow, Logger: logger,
	})
	if err != nil {
		return traces{}, err
	}
	return traces{polls: t, requests: requestTraces{t}, propagate: t.Inject, extract: t.Extract, shutdown: t.Shutdown}, nil
}

// pushesMetrics reports whether the environment asks for a push of metrics.
func pushesMetrics(environ []string) bool { return tracing.PushesMetrics(environ) }

// pushMetrics sends metrics to a collector if the environment asks for it. m may be nil.
func pushMetrics(ctx context.Context, environ []string, node string, m *metrics.Metrics, logger *slog.Logger) (shutdown func(context.Context) error, err error) {
	if m == nil || !pushesMetrics(environ) {
		return func(context.Context) error { return nil }, nil
	}
	return tracing.PushMetrics(ctx, tracing.MetricsOptions{
		Environ: environ, Version: commands.ReadBuild().Version, Node: node, Gatherer: m.Registry(), Logger: logger,
	})
}

// requestTraces makes traces of the HTTP interface's requests.
type requestTraces struct{ *tracing.Tracing }

// Served implements httpapi.Traces.
func (t requestTraces) Served(q httpapi.TracedRequest) string {
	request := tracing.Request{
		HTTP: q.Request, Route: q.Route, Status: q.Status, Start: q.Start, Took: q.Took, Client: q.Client, Scheme: q.Scheme,
		Environment: string(q.Environment.Key), Cache: q.Cache, Evaluated: q.Evaluated,
	}
	if f := q.Flag; f != nil {
		request.Flag = &tracing.Flag{Key: f.Key, Variant: f.Variant, Reason: f.Reason}
	}
	if e := q.Environment.Environment; e != nil {
		request.Digest = e.Digest
	}
	return t.Tracing.Served(request)
}

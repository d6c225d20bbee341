//go:build !notracing

package standard

import (
	"context"
	"log/slog"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
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

// requestTraces makes traces of the HTTP interface's requests.
type requestTraces struct{ *tracing.Tracing }

// Served implements httpapi.Traces.
func (t requestTraces) Served(q httpapi.TracedRequest) string {
	request := tracing.Request{
		HTTP: q.Request, Route: q.Route, Status: q.Status, Start: q.Start, Took: q.Took, Client: q.Client, Scheme: q.Scheme,
		Environment: string(q.Environment.Key),
	}
	if e := q.Environment.Environment; e != nil {
		request.Digest = e.Digest
	}
	return t.Tracing.Served(request)
}

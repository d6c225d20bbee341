//go:build !notracing

package standard

import (
	"context"
	"log/slog"

	"github.com/edge-proxy/edge-proxy/adapters/config"
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
	return traces{polls: t, propagate: t.Inject, extract: t.Extract, shutdown: t.Shutdown}, nil
}

//go:build notracing

package standard

import (
	"context"
	"log/slog"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// openTraces returns what makes no traces.
func openTraces(context.Context, config.Settings, []string, string, *slog.Logger) (traces, error) {
	return traces{}, nil
}

// pushesMetrics reports that metrics are not pushed.
func pushesMetrics([]string) bool { return false }

// pushMetrics pushes nothing.
func pushMetrics(context.Context, []string, string, *metrics.Metrics, *slog.Logger) (shutdown func(context.Context) error, err error) {
	return func(context.Context) error { return nil }, nil
}

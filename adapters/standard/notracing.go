//go:build notracing

package standard

import (
	"context"
	"log/slog"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// openTraces returns what makes no traces.
func openTraces(context.Context, config.Settings, []string, string, *slog.Logger) (traces, error) {
	return traces{}, nil
}

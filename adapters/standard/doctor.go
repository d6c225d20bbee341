package standard

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"

	"github.com/edge-proxy/edge-proxy/adapters/cgroup"
	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/doctor"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Examine implements commands.Wiring.
func (w *wiring) Examine(ctx context.Context, o doctor.Options) *doctor.Report {
	d := doctor.Deps{
		OpenOrigin: func(s config.Settings, logger *slog.Logger) (doctor.Origin, error) {
			certs, err := openCertificates(s, logger)
			if err != nil {
				return doctor.Origin{}, err
			}
			o, err := openOrigin(s, certs, logger, nil)
			if err != nil {
				return doctor.Origin{}, err
			}
			api, _ := o.Upstream.(*flagsmith.Client)
			return doctor.Origin{Upstream: o.Upstream, Discoverer: o.discoverer, Notifier: o.notifier, API: api, Close: o.close}, nil
		},
		OpenStore: func(ctx context.Context, s config.Store, logger *slog.Logger) (ports.Store, error) {
			return w.OpenStore(ctx, s, commands.Tries, logger)
		},
		CheckCertificates: func(s config.Settings) error {
			_, err := openCertificates(s, slog.New(slog.DiscardHandler))
			return err
		},
		MaxDocument: maxDocument, OpenFiles: httpserver.MaxOpenFiles(), Version: commands.ReadBuild().Version,
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		d.MemoryLimit = limit
	}
	if available, ok := cgroup.Memory(); ok {
		d.ContainerMemory = available
		if d.MemoryLimit == 0 {
			d.MemoryLimit = memoryLimitIn(available)
		}
	}
	d.Processors, _ = cgroup.Processors()
	return doctor.Run(ctx, d, o)
}

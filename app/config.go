package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Config is what an operator decides about an App.
type Config struct {
	// Environments are the configured environments, at least one.
	Environments []domain.EnvironmentKeys
	// Freshness has the poll interval, more than zero, and the grace period.
	Freshness domain.Freshness
	// PollConcurrency bounds the fetches under way at one time; at least 1.
	PollConcurrency int
	// Lease is how long a node keeps the right to poll an environment without
	// renewing it; more than the poll interval.
	Lease time.Duration
	// Node names this process among those that share a store.
	Node string
	// DrainDelay is how long the proxy goes on answering after it was told to
	// stop, so that load balancers notice.
	DrainDelay time.Duration
	// ShutdownTimeout bounds the rest of the shutdown, step by step.
	ShutdownTimeout time.Duration
}

// Deps are the adapters that an App drives.
type Deps struct {
	Upstream ports.Upstream
	// Notifier tells of changes between polls; nil: nobody does.
	Notifier  ports.Notifier
	Store     ports.Store // closed by Run
	Presenter Presenter
	Input     Input
	Logger    *slog.Logger
	Now       func() time.Time
	// Random returns numbers in [0, 1) for jitter; safe for concurrent use.
	Random func() float64
}

// Input is a way in for clients: a server.
type Input interface {
	// Listen opens the listener and returns its address.
	Listen(ctx context.Context) (address string, err error)
	// Serve answers until Shutdown, then returns nil. It is called after Listen.
	Serve() error
	// Drain makes answers tell clients to connect anew elsewhere.
	Drain()
	// Shutdown closes the listener and waits for requests under way, until ctx
	// ends.
	Shutdown(ctx context.Context) error
}

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
	// Environments are the configured environments, at least one unless there is a
	// Discoverer.
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
	// UsageInterval is the time between two usage reports, more than zero where
	// Deps.Usage is set.
	UsageInterval time.Duration
	// AnalyticsInterval is the time between two deliveries of analytics, more than
	// zero where Deps.Analytics is set.
	AnalyticsInterval time.Duration
	// EventsInterval is the time between two deliveries of events, more than zero
	// where Deps.Events is set.
	EventsInterval time.Duration
	// EventsMaxBytes is how many bytes of events may wait, approximately.
	EventsMaxBytes int64
}

// Deps are the adapters that an App drives. All must be safe for concurrent use.
type Deps struct {
	// Upstream is where documents come from. Whoever made it closes it, after Run.
	Upstream ports.Upstream
	// Notifier tells of changes between polls; nil: nobody does.
	Notifier ports.Notifier
	// Discoverer lists environments besides the configured ones; nil: nobody does.
	Discoverer ports.Discoverer
	// Store keeps documents. Run closes it.
	Store     ports.Store
	Presenter Presenter
	Logger    *slog.Logger
	Now       func() time.Time
	// Random returns numbers in [0, 1) for jitter; safe for concurrent use.
	Random func() float64
	// Background calls work, which takes the processor for some time, so that it
	// holds up nobody else, and returns after it; nil: it is merely called. It is
	// called from any goroutine, and from within work.
	Background func(work func())
	// Usage takes counts of what is served of discovered environments; nil: nothing
	// is counted.
	Usage ports.UsageReporter
	// NewUUID returns a new random UUID; needed with Usage.
	NewUUID func() string
	// Analytics takes what applications tell of their use of features; nil: nobody
	// does.
	Analytics ports.AnalyticsReporter
	// Events takes the events of experiments; nil: nobody does.
	Events ports.EventSender
	// Volatile: the store does not outlive this process, so that events are not kept
	// in it.
	Volatile bool
}

// Input is a way in for clients: a server.
type Input interface {
	// Listen opens the listener and returns its address. An error ends the App's
	// start.
	Listen(ctx context.Context) (address string, err error)
	// Serve answers until Shutdown, then returns nil; any error before that ends the
	// App. It is called once, after Listen, on a goroutine of its own.
	Serve() error
	// Drain makes answers tell clients to connect anew elsewhere. It returns at
	// once; Serve goes on.
	Drain()
	// Shutdown closes the listener and waits for requests under way; its error is
	// that some were cut off when ctx ended.
	Shutdown(ctx context.Context) error
}

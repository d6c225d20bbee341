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
	// DocumentGuard judges documents before they are served.
	DocumentGuard DocumentGuard
	// History bounds the former documents that the store keeps.
	History History
	// PollConcurrency bounds the fetches under way at one time; at least 1.
	PollConcurrency int
	// Lease is how long a node keeps the right to poll an environment without
	// renewing it; more than the poll interval.
	Lease time.Duration
	// Node names this process among those that share a store.
	Node string
	// DrainDelay is how long the proxy still answers requests after it was asked to
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
	// FeatureTotals is how many totals of evaluations there may be by environment and
	// feature, see Features; 0: nothing is added up. Apply does not change it.
	FeatureTotals int
	// EventsInterval is the time between two deliveries of events, more than zero
	// where Deps.Events is set.
	EventsInterval time.Duration
	// EventsMaxBytes is how many bytes of events may wait, approximately.
	EventsMaxBytes int64
}

// Deps are the adapters that an App uses. All must be safe for concurrent use.
type Deps struct {
	// Upstream is where documents come from. The caller closes it, after Run.
	Upstream ports.Upstream
	// Notifier notifies of changes between polls; may be nil.
	Notifier ports.Notifier
	// Discoverer lists environments in addition to the configured ones; may be nil.
	Discoverer ports.Discoverer
	// Store keeps documents. Run closes it.
	Store     ports.Store
	Presenter Presenter
	Logger    *slog.Logger
	Now       func() time.Time
	// Random returns numbers in [0, 1) for jitter; safe for concurrent use.
	Random func() float64
	// Background calls work, which keeps a processor busy for some time, in a way that
	// does not hold up requests, and returns when work has. nil: work is just called.
	// Background is called from any goroutine, and from within work.
	Background func(work func())
	// Usage reports how often discovered environments are served; nil: nothing is counted.
	Usage ports.UsageReporter
	// NewUUID returns a new random UUID; needed with Usage.
	NewUUID func() string
	// Analytics forwards what applications report about their use of features; nil:
	// their reports are dropped.
	Analytics ports.AnalyticsReporter
	// Events sends the events of experiments; nil: they are not accepted.
	Events ports.EventSender
	// Volatile says that the store does not outlive this process. Events are then not
	// kept in it.
	Volatile bool
	// FromFiles says that Upstream reads documents from a directory.
	FromFiles bool
	// Observer is notified of what happens; nil: nobody is.
	Observer Observer
	// Version is that of the program, for the other nodes that share the store.
	Version string
	// ConfigHash returns a text that is the same on nodes with the same settings, for the
	// other nodes; nil: they learn of none.
	ConfigHash func() string
	// Tracer records traces of polls; nil: polls are not traced.
	Tracer Tracer
}

// Input is a server: it takes requests from clients.
type Input interface {
	// Listen opens the listener and returns its address. An error ends the App's
	// start.
	Listen(ctx context.Context) (address string, err error)
	// Serve answers requests until Shutdown, then returns nil; any error before that
	// ends the App. It is called once, after Listen, on its own goroutine.
	Serve() error
	// Drain makes each answer ask its client to open a new connection. It returns at
	// once; Serve continues.
	Drain()
	// Undrain ends what Drain has begun. It returns at once and is not called after
	// Shutdown.
	Undrain()
	// Shutdown closes the listener and waits for requests under way. It returns an
	// error when ctx ended before all were answered.
	Shutdown(ctx context.Context) error
}

package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// restoreWait bounds how long the listener waits for what the store has: a store
	// that is away must not delay it.
	restoreWait = time.Second
	// concurrentCompiles bounds how many documents are compiled at one time.
	concurrentCompiles = 2
)

// App is the proxy: New, then Run once. It is a Query from New on.
type App struct {
	deps    Deps
	config  *atomic.Pointer[Config]
	library *library
	roster  *roster
	reports *reports
	store   *guardedStore
	recent  *Recent
	started time.Time
	drain   drain
}

var (
	_ Query         = (*App)(nil)
	_ Announcements = (*App)(nil)
)

// New returns an App that has not started anything yet.
func New(config Config, deps Deps) *App {
	if deps.Background == nil {
		deps.Background = func(work func()) { work() }
	}
	current := &atomic.Pointer[Config]{}
	current.Store(&config)
	interval := func() time.Duration { return current.Load().Freshness.PollInterval }
	if deps.Observer == nil {
		deps.Observer = nobody{}
	}
	if deps.Tracer == nil {
		deps.Tracer = untraced{}
	}
	if deps.ConfigHash == nil {
		deps.ConfigHash = func() string { return "" }
	}
	recent := NewRecent(deps.Now)
	store := guard(deps.Store, guardOptions{node: config.Node, interval: interval, now: deps.Now, logger: deps.Logger, observer: deps.Observer, recent: recent})
	deps.Store = store
	a := &App{deps: deps, config: current, library: newLibrary(deps.Now), store: store, recent: recent, started: deps.Now()}
	a.reports = newReports(deps, current, a.Snapshot)
	a.library.track = a.reports.track
	a.roster = newRoster(deps, current, a.library, recent)
	fleet := a.roster.fleet
	fleet.presence = newPresence(deps, config.Node, fleet.period, a.introduce)
	return a
}

// introduce returns what this node says of itself to the others of its fleet.
func (a *App) introduce() nodeNote {
	r := a.Readiness()
	return nodeNote{Version: a.deps.Version, ConfigHash: a.deps.ConfigHash(), Ready: r.State == domain.Fresh && !r.Draining}
}

// Apply replaces the configuration while the App is running, but for Node, which stays.
// New environments are fetched at once. Environments that c lacks are no longer served,
// unless discovery has them. Keys are replaced, and a new poll interval applies at
// once. Apply does not wait and is safe for concurrent use, before Run too. The caller
// must not change c afterwards.
func (a *App) Apply(c Config) { a.roster.apply(c) }

// Snapshot implements Query.
func (a *App) Snapshot() *Snapshot { return a.library.snapshot.Load() }

// Listen implements Announcements.
func (a *App) Listen(key domain.EnvironmentKey) (updates <-chan time.Time, stop func()) {
	updates, stop = a.library.announcer.Listen(key)
	if !a.Snapshot().ring.Has(key) { // removed before or meanwhile
		a.library.announcer.end(key)
	}
	return updates, stop
}

// Readiness implements Query.
func (a *App) Readiness() Readiness {
	return Readiness{Report: a.roster.report(), Draining: a.drain.on.Load()}
}

// UpstreamNow returns what upstream's clock shows now, as far as this node knows: it corrects its
// own by the Date of upstream's responses, or by what other nodes know. It is safe for
// concurrent use.
func (a *App) UpstreamNow() time.Time { return a.deps.Now().Round(0).Add(a.roster.clock.get()) }

// Run serves clients through input until ctx ends, then shuts down in order and
// returns nil. It returns an error when it could not start serving or had to stop.
// The store is closed either way.
func (a *App) Run(ctx context.Context, input Input) error {
	keeping, cancel := context.WithCancel(ctx)
	stopKeeping := func() { a.roster.close(); cancel() }
	defer stopKeeping()
	running := &a.roster.running
	listening := make(chan struct{})
	a.awaitRestored(ctx, a.roster.open(keeping, listening))

	address, err := input.Listen(ctx)
	if err != nil {
		stopKeeping()
		stopped := a.waitFor(ctx, "stopping to poll", running.Wait)
		return errors.Join(fmt.Errorf("opening the listener: %w", err), a.closeStore(ctx, stopped))
	}
	close(listening)
	a.drain.serves(input)
	running.Go(func() { a.logReadiness(keeping) })
	a.reports.start(ctx)
	a.deps.Logger.InfoContext(ctx, "listening", "address", address, "environments", len(a.Snapshot().Keys()))
	served := make(chan error, 1)
	go func() { served <- input.Serve() }()

	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
		if err == nil {
			err = errors.New("it ended")
		}
		err = fmt.Errorf("serving: %w", err)
		served <- nil
	}
	return errors.Join(err, a.shutDown(context.WithoutCancel(ctx), input, stopKeeping, running, served))
}

// awaitRestored waits until what the store has is served, at most restoreWait.
func (a *App) awaitRestored(ctx context.Context, restored <-chan struct{}) {
	limit := time.NewTimer(restoreWait)
	defer limit.Stop()
	select {
	case <-restored:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// RefreshAll starts fetching every environment's document now, because this process was
// notified that one has changed. It returns at once. ctx may have the trace of the
// request that brought the notice; nothing ends with it.
func (a *App) RefreshAll(ctx context.Context) { a.roster.wakeAll(ctx) }

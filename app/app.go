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
	// restoreWait bounds how long the listener waits for a warm start: a store
	// that is away must not keep it shut.
	restoreWait = time.Second
	// concurrentCompiles bounds how many documents are compiled at one time.
	concurrentCompiles = 2
)

// App is the proxy: New, then Run once. It is a Query from New on.
type App struct {
	shared
	draining  atomic.Bool
	announcer *announcer
	roster    *roster
	reports   *reports
}

var (
	_ Query         = (*App)(nil)
	_ Announcements = (*App)(nil)
)

// New returns an App that has not started anything yet.
func New(config Config, deps Deps) *App {
	a := &App{announcer: newAnnouncer()}
	if deps.Background == nil {
		deps.Background = func(work func()) { work() }
	}
	a.deps = deps
	a.settings.Store(&config)
	a.library = newLibrary(deps.Now)
	a.gate = newStoreGate(deps.Now, deps.Logger, config.Freshness.PollInterval)
	fetching := make(places, config.PollConcurrency)
	a.fetching.Store(&fetching)
	a.compiling = make(places, concurrentCompiles)
	a.changed = a.announcer.announce
	a.reports = newReports(&a.shared)
	a.library.track = a.reports.track
	a.roster = newRoster(&a.shared, a.announcer)
	return a
}

// Apply takes over what of c can change while the App is running: all but Node,
// which stays. Environments that are new are fetched at once; those that c lacks
// are served no longer, unless discovery has them; keys count as c has them. A new
// poll interval holds at once. It does not wait for anything and is safe for
// concurrent use, before Run too. c must not be changed any more.
func (a *App) Apply(c Config) { a.roster.apply(c) }

// Snapshot returns what is served now.
func (a *App) Snapshot() *Snapshot { return a.library.snapshot.Load() }

// Listen begins to listen to an environment, see Announcements.
func (a *App) Listen(key domain.EnvironmentKey) (updates <-chan time.Time, stop func()) {
	updates, stop = a.announcer.Listen(key)
	if !a.Snapshot().ring.Has(key) { // removed before or meanwhile
		a.announcer.end(key)
	}
	return updates, stop
}

// Readiness reports whether the proxy should get traffic.
func (a *App) Readiness() Readiness {
	return Readiness{Report: a.roster.report(), Draining: a.draining.Load()}
}

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

// awaitRestored waits for what the store has, within bounds.
func (a *App) awaitRestored(ctx context.Context, restored <-chan struct{}) {
	limit := time.NewTimer(restoreWait)
	defer limit.Stop()
	select {
	case <-restored:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// RefreshAll has every environment's document fetched now, because somebody told
// this process that one has changed. It returns at once.
func (a *App) RefreshAll() { a.roster.wakeAll() }

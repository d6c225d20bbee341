package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// restoreWait bounds how long the listener waits for a warm start: a store
	// that is away must not keep it shut.
	restoreWait = time.Second
	// concurrentCompiles bounds how many documents are compiled at one time.
	concurrentCompiles = 2
	// watchPause is how long a broken subscription rests before it is tried again.
	watchPause = time.Second
)

// App is the proxy: New, then Run once. It is a Query from New on.
type App struct {
	shared
	draining  atomic.Bool
	announcer *announcer

	mu      sync.Mutex
	keepers map[domain.EnvironmentKey]*keeper
}

var (
	_ Query         = (*App)(nil)
	_ Announcements = (*App)(nil)
)

// New returns an App that has not started anything yet. deps.Input may be set
// later, before Run, since an input mostly needs the App as its Query.
func New(config Config, deps Deps) *App {
	a := &App{keepers: map[domain.EnvironmentKey]*keeper{}, announcer: newAnnouncer()}
	a.shared = shared{
		config:    config,
		deps:      deps,
		library:   newLibrary(deps.Now),
		gate:      newStoreGate(deps.Now, deps.Logger, config.Freshness.PollInterval),
		fetching:  make(chan struct{}, config.PollConcurrency),
		compiling: make(chan struct{}, concurrentCompiles),
		changed:   a.announcer.announce,
	}
	a.library.setKeys(domain.NewKeyRing(config.Environments))
	return a
}

// SetInput sets the way in. It must be called before Run.
func (a *App) SetInput(in Input) { a.deps.Input = in }

// Snapshot returns what is served now.
func (a *App) Snapshot() *Snapshot { return a.library.snapshot.Load() }

// Listen begins to listen to an environment, see Announcements.
func (a *App) Listen(key domain.EnvironmentKey) (updates <-chan time.Time, stop func()) {
	return a.announcer.Listen(key)
}

// Readiness reports whether the proxy should get traffic.
func (a *App) Readiness() Readiness {
	return Readiness{
		Report:   a.config.Freshness.Assess(a.deps.Now(), a.library.confirmations()),
		Draining: a.draining.Load(),
	}
}

// Run serves until ctx ends, then shuts down in order and returns nil. It returns
// an error when it could not start serving or had to stop. The store is closed
// either way.
func (a *App) Run(ctx context.Context) error {
	keeping, stopKeeping := context.WithCancel(ctx)
	defer stopKeeping()
	var running sync.WaitGroup
	listening := make(chan struct{})
	a.keepAll(keeping, &running, listening)

	address, err := a.deps.Input.Listen(ctx)
	if err != nil {
		stopKeeping()
		stopped := a.waitFor(ctx, "stopping to poll", running.Wait)
		return errors.Join(fmt.Errorf("opening the listener: %w", err), a.closeStore(ctx, stopped))
	}
	close(listening)
	a.deps.Logger.InfoContext(ctx, "listening", "address", address, "environments", len(a.config.Environments))
	served := make(chan error, 1)
	go func() { served <- a.deps.Input.Serve() }()

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
	return errors.Join(err, a.shutDown(context.WithoutCancel(ctx), stopKeeping, &running, served))
}

// keepAll starts a keeper for each environment and what wakes them, and waits for
// what the store has, within bounds. The keepers go on once begin is closed.
func (a *App) keepAll(ctx context.Context, running *sync.WaitGroup, begin <-chan struct{}) {
	var restoring sync.WaitGroup
	keys := make([]domain.EnvironmentKey, 0, len(a.config.Environments))
	for _, e := range a.Snapshot().Keys() {
		k := newKeeper(&a.shared, e)
		a.mu.Lock()
		a.keepers[e.Client] = k
		a.mu.Unlock()
		keys = append(keys, e.Client)
		restoring.Add(1)
		running.Go(func() { k.run(ctx, restoring.Done, begin) })
	}
	running.Go(func() { a.watchStore(ctx, keys) })
	if a.deps.Notifier != nil {
		running.Go(func() { _ = a.deps.Notifier.Notify(ctx, keys, a.wakeByUpstream) })
	}
	restored := make(chan struct{})
	go func() { restoring.Wait(); close(restored) }()
	select {
	case <-restored:
	case <-time.After(restoreWait):
	case <-ctx.Done():
	}
}

func (a *App) keeper(key domain.EnvironmentKey) *keeper {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keepers[key]
}

func (a *App) wakeByUpstream(key domain.EnvironmentKey, updatedAt time.Time) {
	if k := a.keeper(key); k != nil {
		k.wakes.byUpstream(updatedAt)
	}
}

// RefreshAll has every environment's document fetched now, because somebody told
// this process that one has changed. It returns at once.
func (a *App) RefreshAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.keepers {
		k.wakes.byCaller()
	}
}

// watchStore wakes keepers when the store changes. Stores that cannot tell are
// looked at on every turn anyway.
func (a *App) watchStore(ctx context.Context, keys []domain.EnvironmentKey) {
	for ctx.Err() == nil {
		err := a.deps.Store.Watch(ctx, keys, func(key domain.EnvironmentKey) {
			if k := a.keeper(key); k != nil {
				k.wakes.byStore()
			}
		})
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ports.ErrClosed) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchPause + time.Duration(a.deps.Random()*float64(watchPause))):
		}
	}
}

package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// watchPause is the time between a broken subscription and the next attempt.
const watchPause = time.Second

// roster is the set of environments. It can grow, shrink and rotate keys while the
// proxy is running. It runs one keeper for each environment.
type roster struct {
	deps      Deps
	config    *atomic.Pointer[Config]
	library   *library
	fetching  *semaphore // for fetches under way
	compiler  *compiler
	outages   *outages
	fleet     *fleet
	observer  Observer
	recent    *Recent
	polls     polls       // of all environments
	clock     clockOffset // of upstream
	discovery *discovery  // may be nil
	measures  *measures
	slower    atomic.Pointer[slower]

	// running has the goroutines that open starts and that end after close.
	running sync.WaitGroup

	mu         sync.Mutex // taken before the locks of library, announcer, fleet and wakes; never held over anything slow
	discovered []domain.EnvironmentKeys
	keepers    map[domain.EnvironmentKey]*keeper
	leaving    map[domain.EnvironmentKey]chan struct{} // closed once the removed keeper has ended
	rewatch    context.CancelFunc                      // ends the watch under way, so that one with other keys starts

	// Set by open. Before open and after close, keepers do not run.
	isOpen bool
	life   context.Context // of everything that is running
	begin  <-chan struct{}
}

// slower is a poll interval that was in force before a shorter one. Freshness is
// assessed by it until documents can have been confirmed at the shorter one.
type slower struct {
	interval time.Duration
	until    time.Time
}

func newRoster(deps Deps, config *atomic.Pointer[Config], l *library, recent *Recent) *roster {
	r := &roster{
		deps: deps, config: config, library: l,
		fetching: newSemaphore(config.Load().PollConcurrency),
		compiler: &compiler{presenter: deps.Presenter, slots: newSemaphore(concurrentCompiles), now: deps.Now, tracer: deps.Tracer},
		outages:  newOutages("error_fetching_document", "fetching_documents_again", deps.Now),
		fleet:    newFleet(deps, config),
		keepers:  map[domain.EnvironmentKey]*keeper{}, leaving: map[domain.EnvironmentKey]chan struct{}{},
		rewatch:  func() {},
		observer: deps.Observer, recent: recent,
	}
	r.fleet.clock = &r.clock
	r.measures = newMeasures(deps, config, recent, func(key domain.EnvironmentKey) {
		if k := r.keeper(key); k != nil {
			k.wakes.by(ofMeasures)
		}
	})
	if deps.Discoverer != nil {
		r.discovery = newDiscovery(deps, config, r)
		l.setComplete(false)
	}
	r.library.setKeys(domain.NewKeyRing(Unite(config.Load().Environments, nil, deps.Now())), false)
	return r
}

// open starts the keepers and what wakes them. It returns a channel that is closed once
// what the store has is served. Keepers take their first turn when begin is closed. The
// caller must call close.
func (r *roster) open(ctx context.Context, begin <-chan struct{}) (restored <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isOpen, r.life, r.begin = true, ctx, begin
	for _, e := range r.library.snapshot.Load().Keys() {
		r.start(e)
	}
	r.running.Go(func() { r.watchStore(ctx) })
	r.running.Go(func() { r.fleet.run(ctx, begin) })
	r.running.Go(func() { r.measures.run(ctx) })
	if r.discovery != nil {
		r.running.Go(func() { r.discovery.run(ctx, begin) })
	}
	done := make(chan struct{})
	r.running.Go(func() { r.awaitRestored(ctx); close(done) })
	return done
}

// close prevents keepers from being started, so that the caller can wait for those that
// run after it has ended open's context.
func (r *roster) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isOpen = false
}

// apply replaces the configuration.
func (r *roster) apply(c Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.config.Load()
	c.Node = former.Node
	r.easeInto(c.Freshness)
	r.config.Store(&c)
	if c.PollConcurrency != former.PollConcurrency {
		r.fetching.resize(c.PollConcurrency)
	}
	if c.Freshness.PollInterval != former.Freshness.PollInterval {
		for _, k := range r.keepers {
			k.wakes.by(ofSettings)
		}
	}
	if r.discovery != nil {
		r.discovery.reconfigure()
	}
	r.reconcile()
}

// easeInto keeps assessing freshness by the poll interval in force for a while where
// next has a shorter one: for as long as a document may take to be polled at the
// shorter one and to go stale. The caller holds r.mu.
func (r *roster) easeInto(next domain.Freshness) {
	former := r.freshness().PollInterval
	if next.PollInterval == r.config.Load().Freshness.PollInterval || next.PollInterval >= former {
		return
	}
	grace, _ := next.TotalGrace(len(r.library.snapshot.Load().Keys()))
	r.slower.Store(&slower{former, r.deps.Now().Add(next.PollInterval + grace)})
}

// freshness returns the rule that documents are assessed by at this moment.
func (r *roster) freshness() domain.Freshness {
	f := r.config.Load().Freshness
	if s := r.slower.Load(); s != nil && r.deps.Now().Before(s.until) {
		f.PollInterval = max(f.PollInterval, s.interval)
	}
	return f
}

// discover replaces the list of discovered environments.
func (r *roster) discover(list []domain.EnvironmentKeys) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.discovered = list
	r.reconcile()
	r.library.setComplete(true)
}

// reconcile starts, changes and ends keepers, so that they are those of the configured
// and discovered environments. The caller holds r.mu.
func (r *roster) reconcile() {
	former := r.library.snapshot.Load().Keys()
	next := Unite(r.config.Load().Environments, r.discovered, r.deps.Now())
	if slices.EqualFunc(former, next, domain.EnvironmentKeys.Equal) {
		return
	}
	ring := domain.NewKeyRing(next)
	r.library.setKeys(ring, r.report().State == domain.Fresh)
	if !r.isOpen {
		return
	}
	added, removed := 0, 0
	for _, e := range former {
		if !ring.Has(e.Client) {
			removed++
			r.remove(e.Client)
		}
	}
	for _, e := range next {
		if k := r.keepers[e.Client]; k != nil {
			k.rotate(e)
		} else {
			added++
			r.start(e)
		}
	}
	if added+removed > 0 {
		r.rewatch()
	}
	r.deps.Logger.InfoContext(r.life, "environments_changed", "environments", len(next), "added", added, "removed", removed)
}

// start starts a keeper, which restores from the store first. The caller holds r.mu.
func (r *roster) start(e domain.EnvironmentKeys) {
	k := r.newKeeper(e)
	ctx, stop := context.WithCancelCause(r.life)
	k.stop, k.former = stop, r.leaving[e.Client]
	delete(r.leaving, e.Client)
	r.keepers[e.Client] = k
	begin := r.begin
	r.running.Go(func() {
		defer stop(nil)
		k.run(ctx, begin)
		r.left(k)
	})
	if r.deps.Notifier != nil {
		// One for each environment, so that adding or removing one does not disturb the
		// others.
		r.running.Go(func() {
			_ = r.deps.Notifier.Notify(ctx, []domain.EnvironmentKey{e.Client}, r.wakeByUpstream)
		})
	}
}

// newKeeper returns a keeper that is not running yet.
func (r *roster) newKeeper(keys domain.EnvironmentKeys) *keeper {
	deps := r.deps
	logger := deps.Logger.With("client_side_key", string(keys.Client))
	k := &keeper{
		key: keys.Client,
		fetcher: &fetcher{
			environment: keys.Client, upstream: deps.Upstream, slots: r.fetching, compiler: r.compiler, now: deps.Now, logger: logger,
			observer: r.observer, clock: &r.clock, tracer: deps.Tracer,
		},
		record:  &record{key: keys.Client, store: deps.Store, config: r.config, now: deps.Now, random: deps.Random, logger: logger},
		library: r.library, compiler: r.compiler, outages: r.outages, observer: r.observer, recent: r.recent, tracer: deps.Tracer,
		allPolls: &r.polls, clock: &r.clock, background: background{run: deps.Background},
		config: r.config, now: deps.Now, random: deps.Random, logger: logger,
		wakes:    newWakes(),
		schedule: schedule{interval: r.config.Load().Freshness.PollInterval, random: deps.Random},
		restored: make(chan struct{}),
		ended:    make(chan struct{}),
	}
	k.measures = r.measures
	k.history = &documentHistory{key: keys.Client, store: deps.Store, config: r.config, volatile: deps.Volatile, now: deps.Now, random: deps.Random}
	k.guard = &documentGuard{
		key: keys.Client, store: deps.Store, config: r.config, now: deps.Now, logger: logger, observer: r.observer, recent: r.recent, progress: &k.progress,
	}
	k.fetcher.keys.Store(&keys)
	k.seat = r.fleet.join(keys.Client, !k.fetcher.awaitsKeys(), func() { k.wakes.by(ofFleet) })
	k.record.seat = k.seat
	return k
}

// remove ends what is running for an environment that is no longer served. The caller
// holds r.mu.
func (r *roster) remove(key domain.EnvironmentKey) {
	r.library.announcer.end(key)
	r.outages.leave(key)
	k := r.keepers[key]
	k.seat.leave()
	delete(r.keepers, key)
	r.leaving[key] = k.ended
	k.stop(errRemoved)
}

// left records that a keeper has ended.
func (r *roster) left(k *keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(k.ended)
	if r.leaving[k.key] == k.ended {
		delete(r.leaving, k.key)
	}
}

// assessment is how fresh the documents were at one moment.
type assessment struct {
	domain.Report
	now           time.Time
	snapshot      *Snapshot
	confirmations []confirmation // in the order of the snapshot
	limit         time.Duration  // how old the oldest may be; 0: as old as it likes
}

// state returns the state of the environment with a confirmation.
func (a assessment) state(c confirmation) EnvironmentState {
	switch {
	case c.at.IsZero():
		return EnvironmentMissing
	case a.limit > 0 && a.now.Sub(c.at) > a.limit:
		return EnvironmentStale
	default:
		return EnvironmentFresh
	}
}

// report assesses how fresh the documents are, for readiness.
func (r *roster) report() domain.Report { return r.assess().Report }

// assess assesses how fresh the documents are. No document counts as confirmed later
// than the list that its environment is in: a failed discovery is a failed update
// (docs/spec/upstream.md#discovery-by-proxy-key). Until something was discovered,
// documents are missing.
func (r *roster) assess() assessment {
	freshness := r.freshness()
	a := assessment{}
	a.snapshot, a.confirmations = r.library.confirmations(freshness)
	if r.discovery != nil {
		listed := r.discovery.confirmed()
		for i := range a.confirmations {
			a.confirmations[i].at = earlier(a.confirmations[i].at, listed)
		}
	}
	counted := make([]time.Time, 0, len(a.confirmations))
	for _, c := range a.confirmations {
		if !c.waits {
			counted = append(counted, c.at)
		}
	}
	if limit, finite := freshness.TotalGrace(len(counted)); finite {
		a.limit = limit
	}
	a.now = r.deps.Now()
	a.Report = freshness.Assess(a.now, counted)
	return a
}

func (r *roster) keeper(key domain.EnvironmentKey) *keeper {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keepers[key]
}

func (r *roster) wakeByUpstream(key domain.EnvironmentKey, updatedAt time.Time) {
	if k := r.keeper(key); k != nil {
		k.wakes.byUpstream(updatedAt, r.deps.Tracer.Received(context.Background(), ViaStream, key))
	}
}

func (r *roster) wakeAll(ctx context.Context) {
	trigger := r.deps.Tracer.Received(ctx, ViaWebhook, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keepers {
		k.wakes.byCaller(trigger)
	}
}

// wake is wakeAll for one environment.
func (r *roster) wake(ctx context.Context, key domain.EnvironmentKey) {
	if k := r.keeper(key); k != nil {
		k.wakes.byCaller(r.deps.Tracer.Received(ctx, ViaWebhook, key))
	}
}

// awaitRestored waits until all present keepers have served what the store had.
func (r *roster) awaitRestored(ctx context.Context) {
	if r.discovery != nil {
		select {
		case <-r.discovery.restored: // and has started its keepers
		case <-ctx.Done():
			return
		}
	}
	r.mu.Lock()
	var waits []<-chan struct{}
	for _, k := range r.keepers {
		waits = append(waits, k.restored)
	}
	r.mu.Unlock()
	for _, restored := range waits {
		select {
		case <-restored:
		case <-ctx.Done():
			return
		}
	}
}

// watchStore wakes keepers when the store changes. A store that cannot watch is still
// read on every turn. A new subscription misses nothing, because it starts by waking
// all its keys.
func (r *roster) watchStore(ctx context.Context) {
	for ctx.Err() == nil {
		watching, keys := r.watched(ctx)
		err := watching.Err()
		if len(keys) == 0 {
			<-watching.Done()
		} else {
			err = r.deps.Store.Watch(watching, keys, func(key domain.EnvironmentKey) {
				if k := r.keeper(key); k != nil {
					r.observer.Announced(key)
					k.wakes.by(ofStore)
					r.measures.hint()
				}
			})
		}
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ports.ErrClosed) {
			return
		}
		if watching.Err() != nil {
			continue
		}
		pause := time.NewTimer(watchPause + time.Duration(r.deps.Random()*float64(watchPause)))
		select {
		case <-watching.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// watched returns the keys to watch, and a context that ends when these keys change.
func (r *roster) watched(ctx context.Context) (context.Context, []domain.EnvironmentKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rewatch() // releases the former context
	watching, stop := context.WithCancel(ctx)
	r.rewatch = stop
	return watching, slices.Sorted(maps.Keys(r.keepers))
}

// Unite returns the environments to serve, each once: the configured ones, and those
// that were only discovered. An environment that is both is treated as configured, and
// has its discovered keys too; one that is listed twice has the keys of both. A
// server-side key belongs to the first environment that has it. A discovered
// environment without a key that is valid at now is left out.
func Unite(configured, discovered []domain.EnvironmentKeys, now time.Time) []domain.EnvironmentKeys {
	list := make([]domain.EnvironmentKeys, 0, len(configured)+len(discovered))
	at := make(map[domain.EnvironmentKey]int, cap(list))
	taken := make(map[domain.KeyDigest]bool, cap(list))
	add := func(e domain.EnvironmentKeys) {
		if i, again := at[e.Client]; again {
			list[i].Server = slices.Concat(list[i].Server, e.Server)
			return
		}
		at[e.Client] = len(list)
		list = append(list, e)
	}
	for _, e := range configured {
		add(e)
		for _, c := range e.Server {
			taken[c.Digest] = true
		}
	}
	for _, e := range discovered {
		var valid []domain.Credential
		for _, c := range e.Server {
			if c.Valid(now) && !taken[c.Digest] {
				taken[c.Digest] = true
				valid = append(valid, c)
			}
		}
		if len(valid) > 0 {
			add(domain.EnvironmentKeys{Client: e.Client, Server: valid, Discovered: true})
		}
	}
	return list
}

package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// watchPause is how long a broken subscription rests before it is tried again.
const watchPause = time.Second

// roster is the set of environments, which can grow, shrink and rotate keys while
// the proxy is running. It holds a keeper for each of them.
type roster struct {
	*shared
	announcer *announcer
	discovery *discovery // nil: there is none
	slower    atomic.Pointer[slower]

	// running has all that begins with open and ends after close.
	running sync.WaitGroup

	mu         sync.Mutex // taken before the locks of library, announcer and wakes; nothing slow is done under it
	discovered []domain.EnvironmentKeys
	keepers    map[domain.EnvironmentKey]*keeper
	leaving    map[domain.EnvironmentKey]chan struct{} // closed once the removed keeper has ended
	rewatch    context.CancelFunc                      // ends the watch under way, to begin one of other keys

	// Set by open; before, and after close, there are no keepers.
	isOpen bool
	life   context.Context // of all that is running
	begin  <-chan struct{}
}

// slower is a poll interval that was in force before a shorter one. It counts for
// freshness until documents can have been confirmed at the shorter one.
type slower struct {
	interval time.Duration
	until    time.Time
}

func newRoster(s *shared, a *announcer) *roster {
	r := &roster{
		shared: s, announcer: a,
		keepers: map[domain.EnvironmentKey]*keeper{}, leaving: map[domain.EnvironmentKey]chan struct{}{},
		rewatch: func() {},
	}
	if s.deps.Discoverer != nil {
		r.discovery = newDiscovery(s, r)
	}
	r.library.setKeys(domain.NewKeyRing(Unite(s.config().Environments, nil, s.deps.Now())), false)
	return r
}

// open starts the keepers and what wakes them. It returns a channel that is closed
// once what the store has is served. Keepers take their first turn when begin is
// closed. close must be called after it.
func (r *roster) open(ctx context.Context, begin <-chan struct{}) (restored <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isOpen, r.life, r.begin = true, ctx, begin
	for _, e := range r.library.snapshot.Load().Keys() {
		r.start(e)
	}
	r.running.Go(func() { r.watchStore(ctx) })
	if r.discovery != nil {
		r.running.Go(func() { r.discovery.run(ctx, begin) })
	}
	done := make(chan struct{})
	r.running.Go(func() { r.awaitRestored(ctx); close(done) })
	return done
}

// close keeps keepers from being started, so that those that run can be waited for.
// Whoever calls it also ends open's context.
func (r *roster) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isOpen = false
}

// apply takes over a configuration.
func (r *roster) apply(c Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.config()
	c.Node = former.Node
	r.easeInto(c.Freshness)
	r.settings.Store(&c)
	if c.PollConcurrency != former.PollConcurrency {
		fetching := make(places, c.PollConcurrency)
		r.fetching.Store(&fetching) // fetches under way leave their places in the former one
	}
	if c.Freshness.PollInterval != former.Freshness.PollInterval {
		r.gate.setInterval(c.Freshness.PollInterval)
		for _, k := range r.keepers {
			k.wakes.bySettings()
		}
	}
	if r.discovery != nil {
		r.discovery.reconfigure()
	}
	r.reconcile()
}

// easeInto has the poll interval in force go on counting for freshness for a while
// where next has a shorter one: for as long as a document may take to be polled at
// that and to go stale. It needs r.mu.
func (r *roster) easeInto(next domain.Freshness) {
	former := r.freshness().PollInterval
	if next.PollInterval == r.config().Freshness.PollInterval || next.PollInterval >= former {
		return
	}
	grace, _ := next.TotalGrace(len(r.library.snapshot.Load().Keys()))
	r.slower.Store(&slower{former, r.deps.Now().Add(next.PollInterval + grace)})
}

// freshness returns the rule that documents are assessed by now.
func (r *roster) freshness() domain.Freshness {
	f := r.config().Freshness
	if s := r.slower.Load(); s != nil && r.deps.Now().Before(s.until) {
		f.PollInterval = max(f.PollInterval, s.interval)
	}
	return f
}

// discover takes over a list of discovered environments.
func (r *roster) discover(list []domain.EnvironmentKeys) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.discovered = list
	r.reconcile()
}

// reconcile makes what is running the environments that were configured and
// discovered. It needs r.mu.
func (r *roster) reconcile() {
	former := r.library.snapshot.Load().Keys()
	next := Unite(r.config().Environments, r.discovered, r.deps.Now())
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

// start starts a keeper, which restores from the store first. It needs r.mu.
func (r *roster) start(e domain.EnvironmentKeys) {
	k := newKeeper(r.shared, e)
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
		// One for each, so that whoever comes or goes leaves the others alone.
		r.running.Go(func() {
			_ = r.deps.Notifier.Notify(ctx, []domain.EnvironmentKey{e.Client}, r.wakeByUpstream)
		})
	}
}

// remove ends what is running for an environment that is served no longer. It needs
// r.mu.
func (r *roster) remove(key domain.EnvironmentKey) {
	r.announcer.end(key)
	k := r.keepers[key]
	delete(r.keepers, key)
	r.leaving[key] = k.ended
	k.stop(errRemoved)
}

// left notes that a keeper has ended.
func (r *roster) left(k *keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(k.ended)
	if r.leaving[k.key] == k.ended {
		delete(r.leaving, k.key)
	}
}

// report assesses how fresh the documents are. None counts as confirmed any later
// than the list that its environment is in: a failed discovery is a failed update
// (docs/spec/upstream.md#discovery-by-proxy-key), and as long as nothing was ever discovered,
// documents are missing.
func (r *roster) report() domain.Report {
	freshness := r.freshness()
	confirmed := r.library.confirmations(freshness)
	if r.discovery != nil {
		listed := r.discovery.confirmed()
		for i, at := range confirmed {
			confirmed[i] = earlier(at, listed)
		}
	}
	return freshness.Assess(r.deps.Now(), confirmed)
}

func (r *roster) keeper(key domain.EnvironmentKey) *keeper {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keepers[key]
}

func (r *roster) wakeByUpstream(key domain.EnvironmentKey, updatedAt time.Time) {
	if k := r.keeper(key); k != nil {
		k.wakes.byUpstream(updatedAt)
	}
}

func (r *roster) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keepers {
		k.wakes.byCaller()
	}
}

// awaitRestored waits until all keepers of this moment have served what the store
// had.
func (r *roster) awaitRestored(ctx context.Context) {
	if r.discovery != nil {
		select {
		case <-r.discovery.restored: // and has brought its keepers
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

// watchStore wakes keepers when the store changes. Stores that cannot tell are
// looked at on every turn anyway. A new subscription, for other keys too, loses
// nothing: it begins by waking all of them.
func (r *roster) watchStore(ctx context.Context) {
	for ctx.Err() == nil {
		watching, keys := r.watched(ctx)
		err := watching.Err()
		if len(keys) == 0 {
			<-watching.Done()
		} else {
			err = r.deps.Store.Watch(watching, keys, func(key domain.EnvironmentKey) {
				if k := r.keeper(key); k != nil {
					k.wakes.byStore()
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

// watched returns the keys to watch, and a context that ends when they are others.
func (r *roster) watched(ctx context.Context) (context.Context, []domain.EnvironmentKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rewatch() // gives the former context back
	watching, stop := context.WithCancel(ctx)
	r.rewatch = stop
	keys := make([]domain.EnvironmentKey, 0, len(r.keepers))
	for key := range r.keepers {
		keys = append(keys, key)
	}
	return watching, keys
}

// Unite returns the environments to serve, each once: the configured ones, and those
// that only discovery brought. An environment that is both stays configured, and its
// discovered keys count too; one that is there twice has the keys of both. A
// server-side key counts for the first environment that has it. A discovered
// environment without any key that is valid at now is left out.
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

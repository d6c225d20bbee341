package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// apply has the node's configuration changed while it runs.
func (n *node) apply(change func(*app.Config)) {
	change(&n.config)
	n.Apply(n.config)
}

func (n *node) configure(keys ...domain.EnvironmentKey) {
	n.apply(func(c *app.Config) { c.Environments = environments(keys...) })
}

// knows returns whether a key authenticates.
func (n *node) knows(key string) bool {
	_, ok := n.Snapshot().Lookup(key)
	return ok
}

// own opens a store that belongs to one process alone.
func own(t *testing.T) ports.Store {
	t.Helper()
	s, err := memory.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stored(t *testing.T, s ports.Store) []domain.EnvironmentKey {
	t.Helper()
	keys, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

func TestAnEnvironmentIsAddedWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "a")
		u.put("b", time.Now(), "b")
		n := start(t, u, setup{environments: environments("a")})
		pass(time.Minute)
		asked := len(u.of("a"))
		n.configure("a", "b")
		if !n.knows("b") || !n.knows("ser.b") {
			t.Error("the keys do not count at once")
		}
		n.isState(t, domain.Fresh)
		pass(0)
		if got := n.flag("b"); got != "b" {
			t.Errorf("%q is served of the new environment, want it at once", got)
		}
		n.isState(t, domain.Fresh)
		if now := len(u.of("a")); now != asked {
			t.Errorf("the other environment was fetched %d times for it", now-asked)
		}
		pass(time.Minute)
		for _, key := range []domain.EnvironmentKey{"a", "b"} {
			if requests := u.since(key, time.Now().Add(-time.Minute)); len(requests) < 5 || len(requests) > 7 {
				t.Errorf("%d polls of %s in a minute", len(requests), key)
			}
		}
		if logged := n.log.named("environments_changed"); len(logged) != 1 || logged[0].with["added"] != "1" || logged[0].with["removed"] != "0" {
			t.Errorf("logged %v", logged)
		}
	})
}

func TestAnEnvironmentThatIsNewHasItsGraceToArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "a")
		n := start(t, u, setup{environments: environments("a")})
		pass(time.Minute)
		n.configure("a", "b")
		pass(interval + 2*30*time.Second) // upstream does not know it
		n.isState(t, domain.Fresh)
		pass(time.Second)
		n.isState(t, domain.Missing)
		n.configure("a", "b", "c") // what comes now gets none
		u.put("b", time.Now(), "b")
		pass(2 * interval)
		n.isState(t, domain.Missing)
		n.configure("a", "b")
		n.isState(t, domain.Fresh)
	})
}

func TestAnEnvironmentIsRemovedWhileRunning(t *testing.T) {
	remove := func(t *testing.T, store, other ports.Store) (*node, *upstream) {
		u := newUpstream()
		for _, key := range []domain.EnvironmentKey{"a", "b"} {
			u.put(key, time.Now(), string(key))
		}
		n := start(t, u, setup{environments: environments("a", "b"), store: store})
		pass(time.Minute)
		updates, stop := n.Listen("b")
		defer stop()
		n.configure("a")
		if n.knows("b") || n.knows("ser.b") || n.Snapshot().Environment("b") != nil {
			t.Error("it is still served")
		}
		if _, open := <-updates; open {
			t.Error("listeners are not told")
		}
		if late, stop := n.Listen("b"); true {
			defer stop()
			if _, open := <-late; open {
				t.Error("who comes late listens to nothing")
			}
		}
		n.isState(t, domain.Fresh)
		asked := len(u.of("b"))
		pass(time.Minute)
		if now := len(u.of("b")); now != asked {
			t.Errorf("it was polled %d times after", now-asked)
		}
		if _, held, err := ports.TryLease(t.Context(), other, "b", "somebody else", time.Minute); err != nil || !held {
			t.Errorf("the lease was not given back: %v %v", held, err)
		}
		if n.flag("a") != "a" {
			t.Error("the other environment is gone")
		}
		return n, u
	}
	t.Run("from a store of its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := own(t)
			n, u := remove(t, s, s)
			if keys := stored(t, s); !slices.Equal(keys, []domain.EnvironmentKey{"a"}) {
				t.Errorf("stored is %v", keys)
			}
			n.configure("a", "b") // and back
			pass(2 * interval)
			if n.flag("b") != "b" || len(u.since("b", time.Now().Add(-2*interval))) == 0 {
				t.Error("it did not come back")
			}
			if keys := stored(t, s); len(keys) != 2 {
				t.Errorf("stored is %v", keys)
			}
		})
	})
	t.Run("from a store of its own that has no room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := own(t)
			u, store := newUpstream(), &fullStore{Store: s}
			u.put("a", time.Now(), "a")
			u.put("b", time.Now(), "b")
			n := start(t, u, setup{environments: environments("a", "b"), store: store})
			pass(time.Minute)
			store.full.Store(true)
			u.put("a", time.Now(), "larger")
			pass(interval)
			if len(n.log.named("store_unavailable")) == 0 {
				t.Error("the store had room")
			}
			n.configure("a")
			pass(time.Second)
			if keys := stored(t, s); !slices.Equal(keys, []domain.EnvironmentKey{"a"}) {
				t.Errorf("stored is %v", keys)
			}
		})
	})
	t.Run("from a shared store", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := sharedmemory.New()
			other := handle(t, b)
			remove(t, handle(t, b), other)
			if keys := stored(t, other); len(keys) != 2 {
				t.Errorf("stored is %v, though others may want it", keys)
			}
		})
	})
}

// fullStore is a store of one process which has no room for anything larger, once that
// is so, and is found to have none all the time.
type fullStore struct {
	ports.Store
	full atomic.Bool
}

func (s *fullStore) Exclusive() bool { return true }

func (s *fullStore) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if s.full.Load() {
		return "", ports.ErrUnavailable
	}
	return s.Store.Put(ctx, r, v)
}

func (s *fullStore) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if s.full.Load() {
		return nil, ports.ErrUnavailable
	}
	return s.Store.TryLeases(ctx, claims, holder, ttl)
}

func TestLeavingAndComingBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "a")
		u.put("b", time.Now(), "b")
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return 3 * time.Second })
		s := own(t)
		n := start(t, u, setup{environments: environments("a", "b"), store: s})
		pass(time.Minute)
		for i := range 200 {
			n.configure("a")
			if i%3 == 0 {
				pass(time.Duration(i) * 10 * time.Millisecond)
			}
			n.configure("a", "b")
			if i%7 == 0 {
				pass(time.Duration(i) * 100 * time.Millisecond)
			}
		}
		pass(2 * time.Minute)
		if n.flag("a") != "a" || n.flag("b") != "b" {
			t.Errorf("%q and %q are served", n.flag("a"), n.flag("b"))
		}
		n.isState(t, domain.Fresh)
		if keys := stored(t, s); len(keys) != 2 {
			t.Errorf("stored is %v", keys)
		}
		if requests := u.since("b", time.Now().Add(-time.Minute)); len(requests) > 7 {
			t.Errorf("%d polls in a minute: former keepers go on", len(requests))
		}
	})
}

func TestComingBackWaitsForLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "a")
		u.put("b", time.Now(), "b")
		s := lingering{handle(t, sharedmemory.New())}
		n := start(t, u, setup{environments: environments("a", "b"), store: s})
		pass(time.Minute)
		n.configure("a")
		n.configure("a", "b")
		pass(3 * time.Second)
		if keys := stored(t, s); len(keys) != 2 || n.flag("b") != "b" {
			t.Errorf("stored is %v, %q is served: what left deletes what came", keys, n.flag("b"))
		}
	})
}

// lingering is a store of one process that takes its time to delete.
type lingering struct{ ports.Store }

func (lingering) Exclusive() bool { return true }

func (l lingering) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	select {
	case <-time.After(2 * time.Second):
		return l.Store.Delete(ctx, key)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestApplyChangesTheBoundOnFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return time.Second })
		var keys []domain.EnvironmentKey
		for i := range 30 {
			keys = append(keys, domain.EnvironmentKey(fmt.Sprint("client-", i)))
			u.put(keys[i], time.Now(), "a")
		}
		n := start(t, u, setup{environments: environments(keys[:10]...), change: func(c *app.Config) { c.PollConcurrency = 2 }})
		pass(5500 * time.Millisecond)
		if most := u.most(); most != 2 {
			t.Errorf("%d fetches at one time, want 2", most)
		}
		n.apply(func(c *app.Config) { c.PollConcurrency, c.Environments = 7, environments(keys...) })
		pass(2 * time.Second)
		if most := u.most(); most < 7 || most > 9 { // those under way had places of their own
			t.Errorf("%d fetches at one time, want 7", most)
		}
	})
}

func TestTheNodeKeepsItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		b := sharedmemory.New()
		n := start(t, u, setup{store: handle(t, b)})
		pass(time.Minute)
		n.apply(func(c *app.Config) { c.Node = "another" })
		pass(2 * interval)
		if _, held, err := ports.TryLease(t.Context(), handle(t, b), string(key), "node-1", time.Minute); err != nil || !held {
			t.Errorf("the lease is somebody else's: %v %v", held, err)
		}
	})
}

func TestApplyFromManySides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		keys := []domain.EnvironmentKey{"a", "b", "c", "d"}
		for _, key := range keys {
			u.put(key, time.Now(), string(key))
		}
		n := start(t, u, setup{environments: environments("a")})
		var all sync.WaitGroup
		for side := range 4 {
			all.Go(func() {
				config := n.config
				for i := range 50 {
					config.Environments = environments(append([]domain.EnvironmentKey{"a"}, keys[1:1+(i+side)%4]...)...)
					config.Freshness.PollInterval = time.Duration(1+i%3) * interval
					config.PollConcurrency = 1 + i%5
					n.Apply(config)
					if e := n.Snapshot().Environment("a"); i > 0 && e == nil && i%10 == 0 {
						<-time.After(time.Second)
					}
				}
			})
		}
		all.Wait()
		n.configure(keys...)
		pass(time.Minute)
		for _, key := range keys {
			if n.flag(key) != string(key) {
				t.Errorf("%q is served of %s", n.flag(key), key)
			}
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
		n.configure("a") // nothing runs any more
		if n.knows("b") {
			t.Error("keys are not those of the configuration")
		}
	})
}

func TestKeysAreRotatedWithoutAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{})
		pass(time.Minute)
		asked := len(u.of(key))
		rotated := environments(key)
		rotated[0].Server = append(rotated[0].Server, credential("ser.new", 0))
		n.apply(func(c *app.Config) { c.Environments = rotated })
		if !n.knows("ser.client-1") || !n.knows("ser.new") {
			t.Error("not both keys authenticate")
		}
		n.apply(func(c *app.Config) {
			c.Environments = []domain.EnvironmentKeys{{Client: key, Server: []domain.Credential{credential("ser.new", 0)}}}
		})
		if n.knows("ser.client-1") || !n.knows("ser.new") {
			t.Error("the old key still authenticates")
		}
		n.serves(t, "a")
		n.isState(t, domain.Fresh)
		pass(0)
		if now := len(u.of(key)); now != asked {
			t.Errorf("%d fetches for it", now-asked)
		}
		pass(2 * interval)
		requests := u.of(key)
		if last := requests[len(requests)-1]; last.server != "ser.new" || !last.conditional {
			t.Errorf("the last request was %+v", last)
		}
	})
}

func TestAKeyAfterTheLastOneHasExpiredIsUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		list := environments(key)
		list[0].Server[0].ExpiresAt = time.Now().Add(time.Minute)
		n := start(t, u, setup{environments: list})
		for len(n.log.named("error_fetching_document")) < 10 { // so that it backs off
			pass(time.Second)
		}
		n.apply(func(c *app.Config) { c.Environments = environments(key) })
		rotated := time.Now()
		pass(0)
		if len(u.since(key, rotated)) != 1 {
			t.Error("nothing is fetched with the new key")
		}
		n.isState(t, domain.Fresh)
	})
}

// credential is a server-side key that expires after a time; 0 is never.
func credential(text string, in time.Duration) domain.Credential {
	var at time.Time
	if in != 0 {
		at = time.Now().Add(in)
	}
	return domain.NewCredential(domain.NewServerKey(text), at)
}

func TestARefusedKeyIsFollowedByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		list := []domain.EnvironmentKeys{{Client: key, Server: []domain.Credential{credential("ser.key-one", 0), credential("ser.key-two", 0), credential("ser.key-three", 0)}}}
		n := start(t, u, setup{environments: list})
		pass(time.Minute)
		used := func(since time.Time) (keys []string) {
			for _, r := range u.since(key, since) {
				keys = append(keys, r.server)
			}
			return slices.Compact(keys)
		}
		if got := used(time.Time{}); !slices.Equal(got, []string{"ser.key-one"}) {
			t.Errorf("fetched with %v", got)
		}
		deleted := time.Now()
		u.delete("ser.key-one")
		pass(interval)
		if got := used(deleted); !slices.Equal(got, []string{"ser.key-one", "ser.key-two"}) {
			t.Errorf("fetched with %v after the first key was deleted", got)
		}
		again := time.Now()
		pass(time.Minute)
		if got := used(again); !slices.Equal(got, []string{"ser.key-two"}) {
			t.Errorf("fetched with %v, want the one that worked", got)
		}
		n.isState(t, domain.Fresh)
		logged := n.log.named("server_side_key_refused")
		if len(logged) != 1 || logged[0].with["server_side_key"] != "ser.…one" {
			t.Errorf("logged %v", logged)
		}
		if failed := n.log.named("error_fetching_document"); len(failed) != 0 {
			t.Errorf("logged %v", failed)
		}
		u.delete("ser.key-two")
		u.delete("ser.key-three")
		pass(2 * time.Minute)
		n.isState(t, domain.Stale)
		n.serves(t, "a")
		u.script(down) // of another kind: one request each
		before := time.Now()
		pass(time.Minute)
		for _, gap := range gaps(u.since(key, before)) {
			if gap == 0 {
				t.Error("another key was tried although none was refused")
			}
		}
	})
}

func TestThePollIntervalChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{change: func(c *app.Config) { c.Freshness.PollInterval, c.Lease = time.Hour, 2*time.Hour }})
		pass(time.Minute)
		asked := len(u.of(key))
		set := func(d time.Duration) {
			n.apply(func(c *app.Config) { c.Freshness.PollInterval, c.Lease = d, 2*d })
		}
		set(interval)
		pass(time.Minute)
		if polls := len(u.of(key)) - asked; polls < 6 || polls > 7 {
			t.Errorf("%d polls in a minute at %v", polls, interval)
		}
		set(time.Second)
		began := time.Now()
		pass(time.Minute)
		if polls := len(u.since(key, began)); polls < 59 || polls > 61 {
			t.Errorf("%d polls in a minute at 1 s", polls)
		}
		set(time.Hour)
		began = time.Now()
		pass(10 * time.Hour)
		if polls := len(u.since(key, began)); polls < 9 || polls > 11 {
			t.Errorf("%d polls in ten hours at 1 h", polls)
		}
		n.isState(t, domain.Fresh)
		grace := time.Duration(0)
		n.apply(func(c *app.Config) { c.Freshness.Grace, c.Freshness.PollInterval = &grace, time.Second })
		u.script(down)
		pass(2 * time.Second)
		n.isState(t, domain.Stale)
	})
}

// TestAShorterIntervalLeavesTheProxyReady sees that documents which were confirmed
// at the interval of before are not stale at once.
func TestAShorterIntervalLeavesTheProxyReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{change: func(c *app.Config) { c.Freshness.PollInterval, c.Lease = time.Hour, 2*time.Hour }})
		pass(150 * time.Minute)
		set := func(d time.Duration) {
			n.apply(func(c *app.Config) { c.Freshness.PollInterval, c.Lease = d, 2*d })
		}
		set(interval)
		for range 100 {
			n.isState(t, domain.Fresh)
			pass(time.Second)
		}
		set(time.Hour)
		pass(150 * time.Minute)
		u.script(down)
		set(time.Minute)
		pass(time.Second)
		set(interval)
		n.isState(t, domain.Fresh)
		for range 12 { // other changes do not put it off
			pass(10 * time.Second)
			n.apply(func(*app.Config) {})
		}
		n.isState(t, domain.Stale)
	})
}

func TestAFollowerWatchesWhatWasAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		var keys []domain.EnvironmentKey
		for i := range 20 {
			k := domain.EnvironmentKey(fmt.Sprint("client-", i))
			keys = append(keys, k)
			u.put(k, time.Now(), "old")
		}
		b := sharedmemory.New()
		counting := &counted{Store: handle(t, b)}
		follower := start(t, u, setup{name: "n1", environments: environments(keys[0]), store: counting})
		leader := start(t, u, setup{name: "n2", environments: environments(keys...), store: handle(t, b)})
		pass(time.Minute)
		if got := counting.watches(); got != 1 {
			t.Errorf("%d subscriptions before any change", got)
		}
		follower.configure(keys...)
		pass(time.Minute)
		if got := counting.watches(); got != 2 {
			t.Errorf("%d subscriptions after 19 environments came at once, want 2", got)
		}
		changed := time.Now()
		u.put(keys[7], changed, "new")
		for len(u.since(keys[7], changed)) == 0 {
			pass(10 * time.Millisecond)
		}
		if leader.flag(keys[7]) != "new" || follower.flag(keys[7]) != "new" {
			t.Errorf("%q and %q are served", leader.flag(keys[7]), follower.flag(keys[7]))
		}
		follower.configure()
		pass(interval)
		follower.configure(keys[:2]...)
		pass(interval)
		if follower.flag(keys[1]) != "old" {
			t.Error("it did not come back")
		}
	})
}

// counted counts what is asked of a store.
type counted struct {
	ports.Store
	mu     sync.Mutex
	watch  int
	states int // written
}

func (c *counted) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	c.mu.Lock()
	c.watch++
	c.mu.Unlock()
	return c.Store.Watch(ctx, keys, wake)
}

func (c *counted) PutState(ctx context.Context, name string, value []byte, v ports.Version) (ports.Version, error) {
	c.mu.Lock()
	c.states++
	c.mu.Unlock()
	return c.Store.PutState(ctx, name, value, v)
}

func (c *counted) watches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watch
}

func (c *counted) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.states
}

// bell is a notifier that is rung by the test.
type bell struct {
	mu    sync.Mutex
	began map[domain.EnvironmentKey]int
	held  map[domain.EnvironmentKey]func()
}

func (b *bell) Notify(ctx context.Context, keys []domain.EnvironmentKey, changed func(domain.EnvironmentKey, time.Time)) error {
	b.mu.Lock()
	for _, key := range keys {
		b.began[key]++
		b.held[key] = func() { changed(key, time.Time{}) }
	}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.held, key)
	}
	return ctx.Err()
}

func TestWhoComesAndGoesLeavesTheOthersNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		for _, key := range []domain.EnvironmentKey{"a", "b", "c"} {
			u.put(key, time.Now(), "old")
		}
		b := &bell{began: map[domain.EnvironmentKey]int{}, held: map[domain.EnvironmentKey]func(){}}
		n := start(t, u, setup{environments: environments("a", "b"), notifier: b})
		pass(time.Minute)
		n.configure("a", "c")
		pass(time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.began["a"] != 1 || b.began["b"] != 1 || b.began["c"] != 1 || len(b.held) != 2 || b.held["a"] == nil || b.held["c"] == nil {
			t.Fatalf("streams were begun %v, %d are held", b.began, len(b.held))
		}
		for _, key := range []domain.EnvironmentKey{"a", "c"} {
			u.put(key, time.Now(), "new")
			b.held[key]()
			pass(0)
			if n.flag(key) != "new" {
				t.Errorf("%q is served of %s after it was announced", n.flag(key), key)
			}
		}
	})
}

// TestAFloodOfAnnouncementsIsAFewRequests: the first is followed at once, the last one
// is never lost, and what comes between has a floor.
func TestAFloodOfAnnouncementsIsAFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "old")
		b := &bell{began: map[domain.EnvironmentKey]int{}, held: map[domain.EnvironmentKey]func(){}}
		n := start(t, u, setup{environments: environments("a"), notifier: b, change: func(c *app.Config) { c.Freshness.PollInterval = time.Hour }})
		pass(time.Minute)
		began := time.Now()
		u.put("a", began, "first")
		b.held["a"]()
		pass(0)
		if n.flag("a") != "first" {
			t.Error("the first announcement waits")
		}
		for time.Since(began) < 10*time.Second {
			b.held["a"]()
			pass(5 * time.Millisecond)
		}
		if polls := len(u.since("a", began)); polls < 30 || polls > 42 {
			t.Errorf("%d requests for 2,000 announcements in ten seconds, want at most four a second", polls)
		}
		u.put("a", time.Now(), "last")
		b.held["a"]()
		pass(300 * time.Millisecond)
		if n.flag("a") != "last" {
			t.Errorf("%q is served after the last announcement", n.flag("a"))
		}
		ended := time.Now()
		pass(time.Minute)
		if polls := len(u.since("a", ended)); polls != 0 {
			t.Errorf("%d requests after the flood", polls)
		}
	})
}

func TestStoresThatCannotWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "a")
		u.put("b", time.Now(), "b")
		n := start(t, u, setup{environments: environments("a"), store: unwatched{handle(t, sharedmemory.New())}})
		pass(time.Minute)
		n.configure("b")
		pass(time.Second)
		if n.flag("b") != "b" {
			t.Error("it is not served")
		}
	})
}

type unwatched struct{ ports.Store }

func (unwatched) Watch(context.Context, []domain.EnvironmentKey, func(domain.EnvironmentKey)) error {
	return errors.ErrUnsupported
}

package app_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// fleet is several nodes on one backend.
func fleet(t *testing.T, u *upstream, names ...string) (nodes []*node, b *sharedmemory.Backend) {
	t.Helper()
	b = sharedmemory.New()
	for _, name := range names {
		nodes = append(nodes, start(t, u, setup{name: name, store: handle(t, b)}))
	}
	return nodes, b
}

// pollers returns which nodes polled how often.
func pollers(requests []request) map[string]int {
	count := map[string]int{}
	for _, r := range requests {
		count[r.node]++
	}
	return count
}

func TestAFleetPollsOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		nodes, _ := fleet(t, u, "n1", "n2", "n3")
		pass(time.Hour)
		for _, n := range nodes {
			n.serves(t, "a")
			n.isState(t, domain.Fresh)
		}
		requests := u.of(key)
		// 361 in an hour, and a few more where the lease went from one to another.
		if len(requests) < 360 || len(requests) > 390 {
			t.Errorf("%d requests in an hour", len(requests))
		}
		for _, gap := range gaps(requests) {
			if gap > 2*interval {
				t.Errorf("nobody polled for %v", gap)
			}
		}
		if by := pollers(requests); len(by) != 3 || by["n1"] < 30 || by["n2"] < 30 || by["n3"] < 30 {
			t.Errorf("the polls are not spread over the nodes: %v", by)
		}
	})
}

func TestAChangeReachesFollowersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		nodes, _ := fleet(t, u, "n1", "n2", "n3")
		for flag := 'b'; flag <= 'z'; flag++ {
			pass(45 * time.Second)
			changed := time.Now()
			u.put(key, changed, string(flag))
			for len(u.since(key, changed)) == 0 {
				pass(10 * time.Millisecond)
			}
			for _, n := range nodes {
				n.serves(t, string(flag))
			}
			if requests := u.since(key, changed); len(requests) != 1 {
				t.Errorf("%d requests for one change", len(requests))
			}
		}
	})
}

// A follower that is busy is notified of two things at once: by upstream's stream of what it
// has already, and by the store of what is new.
func TestLateNewsFromUpstreamHidesNoneFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		at := time.Now()
		u.put(key, at, "a")
		b := sharedmemory.New()
		start(t, u, setup{name: "n1", store: handle(t, b)})
		pass(time.Second)
		store, stream := &hesitant{Store: handle(t, b)}, make(teller)
		follower := start(t, u, setup{name: "n2", store: store, notifier: stream})
		changed := <-stream
		pass(time.Minute)

		store.delay.Store(int64(2 * time.Second))
		changed(key, time.Now())
		pass(time.Second)
		other, err := store.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		next := ports.Record{Key: key, Body: document(key, at.Add(time.Second), "b"), UpdatedAt: at.Add(time.Second), CheckedAt: time.Now()}
		if _, err := store.Put(t.Context(), next, other.Version); err != nil {
			t.Fatal(err)
		}
		changed(key, at)
		follower.serves(t, "a")
		pass(time.Second)
		follower.serves(t, "b")
	})
}

// hesitant is a store whose next Stat takes its time to answer.
type hesitant struct {
	ports.Store
	delay atomic.Int64
}

func (s *hesitant) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.Store.Stat(ctx, key)
	<-time.After(time.Duration(s.delay.Swap(0)))
	return r, err
}

// teller is a notifier that hands out what Notify was to call.
type teller chan func(domain.EnvironmentKey, time.Time)

func (t teller) Notify(ctx context.Context, _ []domain.EnvironmentKey, changed func(domain.EnvironmentKey, time.Time)) error {
	t <- changed
	<-ctx.Done()
	return ctx.Err()
}

func TestAnotherNodeTakesOver(t *testing.T) {
	// leader returns the node that polled last, and the others.
	leader := func(u *upstream, nodes []*node, names ...string) (lead *node, rest []*node) {
		requests := u.of(key)
		for i, name := range names {
			if name == requests[len(requests)-1].node {
				lead = nodes[i]
			} else {
				rest = append(rest, nodes[i])
			}
		}
		return lead, rest
	}
	t.Run("from one that leaves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			nodes, _ := fleet(t, u, "n1", "n2", "n3")
			pass(time.Minute)
			lead, rest := leader(u, nodes, "n1", "n2", "n3")
			left := time.Now()
			if err := lead.end(); err != nil {
				t.Fatal(err)
			}
			u.put(key, left.Add(time.Second), "b")
			pass(time.Until(left.Add(interval + time.Second))) // it gave the lease back
			for _, n := range rest {
				n.serves(t, "b")
			}
		})
	})
	t.Run("from one that leaves between two changes of one second", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			nodes, _ := fleet(t, u, "n1", "n2", "n3")
			pass(time.Minute)
			second := time.Now().Truncate(time.Second).Add(time.Minute)
			u.put(key, second, "b")
			pass(2 * interval)
			u.put(key, second.Add(time.Hour), "c")
			for nodes[0].flag(key) != "c" {
				pass(100 * time.Millisecond)
			}
			u.put(key, second.Add(time.Hour+time.Millisecond), "d") // hidden from conditional requests
			lead, rest := leader(u, nodes, "n1", "n2", "n3")
			if err := lead.end(); err != nil {
				t.Fatal(err)
			}
			pass(2 * interval)
			for _, n := range rest {
				n.serves(t, "d")
			}
		})
	})
	t.Run("from one that dies", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			b := sharedmemory.New()
			var dead atomic.Pointer[string]
			isDead := func(name string) bool { d := dead.Load(); return d != nil && *d == name }
			var nodes []*node
			for _, name := range []string{"n1", "n2", "n3"} {
				nodes = append(nodes, start(t, u, setup{name: name, store: &shaky{Store: handle(t, b), hangs: func() bool { return isDead(name) }}}))
			}
			pass(time.Minute)
			requests := u.of(key)
			died := requests[len(requests)-1].node
			_, rest := leader(u, nodes, "n1", "n2", "n3")
			dead.Store(&died)
			u.script(func(name string, _ domain.EnvironmentKey, _ int) error {
				if isDead(name) {
					return errors.New("dead")
				}
				return nil
			})
			at := time.Now()
			u.put(key, at.Add(time.Second), "b")
			pass(2*interval + time.Second) // the lease's time and a moment
			for _, n := range rest {
				n.serves(t, "b")
				n.isState(t, domain.Fresh)
			}
		})
	})
	t.Run("from one whose way to upstream is broken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			nodes, _ := fleet(t, u, "n1", "n2", "n3")
			pass(time.Minute)
			requests := u.of(key)
			broken := requests[len(requests)-1].node
			u.script(func(name string, _ domain.EnvironmentKey, _ int) error {
				if name == broken {
					return &ports.FetchError{Err: errors.New("no route to host")}
				}
				return nil
			})
			u.put(key, time.Now(), "b")
			pass(4 * interval)
			for range 60 { // ten minutes
				for _, n := range nodes { // the broken one, too
					n.serves(t, "b")
					n.isState(t, domain.Fresh)
				}
				pass(interval)
			}
		})
	})
}

func TestUpstreamDownForAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		nodes, _ := fleet(t, u, "n1", "n2", "n3")
		pass(time.Minute)
		u.script(down)
		began := time.Now()
		pass(10 * time.Minute)
		if polls := len(u.since(key, began)); polls < 30 || polls > 75 {
			t.Errorf("%d polls in ten minutes", polls)
		}
		for _, n := range nodes {
			n.serves(t, "a")
			n.isState(t, domain.Stale)
		}
		u.script(nil)
		u.put(key, time.Now(), "b")
		pass(3 * interval)
		for _, n := range nodes {
			n.serves(t, "b")
			n.isState(t, domain.Fresh)
		}
	})
}

func TestAStoreThatGoesAndComes(t *testing.T) {
	for name, hangs := range map[string]bool{"it refuses": false, "it hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				b := sharedmemory.New()
				var away atomic.Bool
				names := []string{"n1", "n2", "n3"}
				var nodes []*node
				for _, name := range names {
					s := &shaky{Store: handle(t, b)}
					if hangs {
						s.hangs = away.Load
					} else {
						s.fails = func() error {
							if away.Load() {
								return ports.ErrUnavailable
							}
							return nil
						}
					}
					nodes = append(nodes, start(t, u, setup{name: name, store: s}))
				}
				pass(time.Minute)
				away.Store(true)
				left := time.Now()
				u.put(key, left, "b")
				for range 30 { // five minutes
					pass(interval)
					for _, n := range nodes {
						n.isState(t, domain.Fresh)
					}
				}
				by := pollers(u.since(key, left))
				for i, n := range nodes {
					n.serves(t, "b")
					if by[names[i]] < 15 || by[names[i]] > 31 {
						t.Errorf("%s polled %d times in five minutes without a store", names[i], by[names[i]])
					}
					if logged := n.log.named("store_unavailable"); len(logged) != 2 || logged[0].with["failures"] != "1" || logged[1].with["since"] != logged[0].with["since"] {
						t.Errorf("the store's going was logged %d times in less than five minutes, want at once and after one: %v", len(logged), logged)
					}
				}
				away.Store(false)
				pass(3 * interval)
				back := time.Now()
				u.put(key, back, "c")
				pass(time.Minute)
				// One poll per interval, and at most one more where the lease changes hands.
				if requests := u.since(key, back); len(requests) > 8 {
					t.Errorf("%d polls in a minute after the store came back", len(requests))
				}
				for _, n := range nodes {
					n.serves(t, "c")
					n.isState(t, domain.Fresh)
					if logged := n.log.named("store_available"); len(logged) != 1 || logged[0].with["after"] == "" || logged[0].with["failures"] == "" {
						t.Errorf("the store's coming was logged %d times: %v", len(logged), logged)
					}
				}
			})
		})
	}
}

func TestAWipedStoreIsFilledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		at := time.Now()
		u.put(key, at, "a")
		nodes, b := fleet(t, u, "n1", "n2", "n3")
		pass(time.Minute)
		b.Wipe()
		pass(2 * interval)
		record, err := handle(t, b).Get(t.Context(), key)
		if err != nil || string(record.Body) != string(document(key, at, "a")) || time.Since(record.CheckedAt) > 2*interval {
			t.Errorf("the store has %+v, %v", record, err)
		}
		wiped := time.Now()
		pass(time.Minute)
		if requests := u.since(key, wiped); len(requests) > 8 {
			t.Errorf("%d polls in a minute", len(requests))
		}
		for _, n := range nodes {
			n.isState(t, domain.Fresh)
		}
	})
}

// A leader that was paused between its fetch and its Put comes late with what it
// fetched: nothing newer is overwritten.
func TestAPausedLeaderOverwritesNothingNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		b := sharedmemory.New()
		late := &lateStore{Store: handle(t, b)}
		n1 := start(t, u, setup{name: "n1", store: late})
		pass(time.Second)
		n2 := start(t, u, setup{name: "n2", store: handle(t, b)})
		pass(time.Minute)
		late.delay.Store(int64(14 * time.Second)) // the lease's rest and then some
		old := time.Now()
		u.put(key, old, "old")
		for n1.flag(key) != "old" { // fetched, and on its way to the store
			pass(100 * time.Millisecond)
		}
		n1.stopAsking(u)
		u.put(key, old.Add(30*time.Second), "new")
		for n2.flag(key) != "new" {
			pass(time.Second)
		}
		late.delay.Store(0)
		for range 600 {
			pass(100 * time.Millisecond)
			n2.serves(t, "new")
			record, err := late.Get(t.Context(), key)
			if err != nil || !record.UpdatedAt.Equal(old.Add(30*time.Second)) {
				t.Fatalf("the store has a document of %v, %v", record.UpdatedAt, err)
			}
		}
		n1.serves(t, "new")
	})
}

// Two nodes ask upstream at one time, one because it was notified. The one that asked first
// is answered last, with what is newer: that it was asked for earlier makes no
// difference.
func TestASlowFetchIsNotUndoneByAQuickerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "old")
		nodes, b := fleet(t, u, "n1", "n2")
		pass(time.Minute)
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return 4 * time.Second })
		began := time.Now()
		for len(u.since(key, began)) == 0 {
			pass(10 * time.Millisecond)
		}
		u.slow(nil)
		slow, quick := nodes[0], nodes[1]
		if u.since(key, began)[0].node == "n2" {
			slow, quick = quick, slow
		}
		at := time.Now()
		pass(time.Second)
		u.put(key, at.Add(time.Second), "middle")
		quick.RefreshAll(t.Context())
		pass(time.Second)
		quick.serves(t, "middle")
		u.put(key, at.Add(2*time.Second), "new")
		pass(2 * time.Second)
		for _, n := range nodes {
			n.serves(t, "new")
		}
		if record, err := handle(t, b).Stat(t.Context(), key); err != nil || !record.UpdatedAt.Equal(at.Add(2*time.Second)) {
			t.Errorf("the store has a document of %v, %v", record.UpdatedAt, err)
		}
		if requests := u.since(key, began); len(requests) != 2 {
			t.Errorf("%d requests", len(requests))
		}
	})
}

// stopAsking cuts n1 off from upstream, so that it learns of nothing but from
// the store.
func (n *node) stopAsking(u *upstream) {
	u.script(func(name string, _ domain.EnvironmentKey, _ int) error {
		if name == "n1" {
			return errors.New("paused")
		}
		return nil
	})
}

// lateStore is one whose Put takes its time.
type lateStore struct {
	ports.Store
	delay atomic.Int64
}

func (s *lateStore) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if d := s.delay.Load(); d > 0 {
		<-time.After(time.Duration(d))
	}
	return s.Store.Put(ctx, r, v)
}

func TestAConflictIsSettledForTheBetterDocument(t *testing.T) {
	for name, c := range map[string]struct {
		other time.Duration // the other node's document, compared to the one fetched
		want  string
	}{
		"the other is newer": {time.Minute, "other"},
		"the other is older": {-time.Minute, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				b := sharedmemory.New()
				store := &meddled{Store: handle(t, b)}
				n := start(t, u, setup{store: store})
				pass(time.Minute)
				at := time.Now()
				u.put(key, at, "b")
				store.before.Store(&ports.Record{Key: key, Body: document(key, at.Add(c.other), "other"), UpdatedAt: at.Add(c.other), CheckedAt: at})
				for n.flag(key) == "a" {
					pass(100 * time.Millisecond)
				}
				n.serves(t, c.want)
				record, err := store.Get(t.Context(), key)
				if err != nil || string(record.Body) != string(n.Snapshot().Environment(key).Body) {
					t.Errorf("the store has %s, %v", record.Body, err)
				}
			})
		})
	}
}

// meddled is a store into which another node puts a record just before the next
// Put.
type meddled struct {
	ports.Store
	before atomic.Pointer[ports.Record]
}

func (s *meddled) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if other := s.before.Swap(nil); other != nil {
		held, err := s.Store.Stat(ctx, r.Key)
		if err != nil {
			return "", err
		}
		if _, err := s.Store.Put(ctx, *other, held.Version); err != nil {
			return "", err
		}
	}
	return s.Store.Put(ctx, r, v)
}

func TestAConfirmationTouchesTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		b := sharedmemory.New()
		start(t, u, setup{store: handle(t, b)})
		store := handle(t, b)
		pass(2 * interval)
		first, err := store.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		second, err := store.Stat(t.Context(), key)
		if err != nil || second.Version != first.Version {
			t.Errorf("the version changed without a change, %v", err)
		}
		if moved := second.CheckedAt.Sub(first.CheckedAt); moved != time.Minute {
			t.Errorf("CheckedAt moved by %v in a minute", moved)
		}
	})
}

// Clocks of nodes differ by more than the grace period: nobody goes stale while
// anyone polls, and everybody does when upstream is down.
func TestClocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				b := sharedmemory.New()
				skewed := func() time.Time { return time.Now().Round(0).Add(skew) }
				nodes := []*node{
					start(t, u, setup{name: "n1", store: handle(t, b)}),
					start(t, u, setup{name: "n2", store: &remote{handle(t, b), skew}, now: skewed}),
					start(t, u, setup{name: "n3", store: handle(t, b)}),
				}
				pass(30 * time.Second)
				const hour = 360 // intervals
				for i := 0; i < hour || i < 10*hour && len(pollers(u.of(key))) < len(nodes); i++ {
					for _, n := range nodes {
						n.isState(t, domain.Fresh)
					}
					if t.Failed() {
						t.Fatalf("after polls by %v", pollers(u.of(key)))
					}
					pass(interval)
				}
				if by := pollers(u.of(key)); len(by) != 3 {
					t.Errorf("polls by %v only, in ten hours", by)
				}
				u.script(down)
				pass(time.Minute)
				for _, n := range nodes {
					n.isState(t, domain.Stale)
				}
				u.script(nil)
				pass(3 * interval)
				for _, n := range nodes {
					n.isState(t, domain.Fresh)
				}
			})
		})
	}
}

// remote is a store as seen by a node whose clock is ahead of its own.
type remote struct {
	ports.Store
	ahead time.Duration
}

func (s *remote) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	leases, err := s.Store.TryLeases(ctx, claims, holder, ttl)
	return s.seen(leases), err
}

func (s *remote) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	leases, err := s.Store.Leases(ctx, names)
	return s.seen(leases), err
}

func (s *remote) seen(leases []ports.Lease) []ports.Lease {
	for i := range leases {
		if leases[i].Holder != "" {
			leases[i].Until = leases[i].Until.Add(s.ahead)
		}
	}
	return leases
}

// Upstream that went back convinces the whole fleet, whichever node polls.
func TestAFleetGoesBackTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		at := time.Now()
		u.put(key, at, "newer")
		nodes, _ := fleet(t, u, "n1", "n2", "n3")
		pass(time.Minute)
		u.putBody(key, time.Time{}, document(key, at.Add(-time.Hour), "older"))
		pass(2 * time.Minute)
		for range 60 {
			for _, n := range nodes {
				n.serves(t, "older")
				n.isState(t, domain.Fresh)
			}
			pass(interval)
		}
	})
}

// What upstream insists on is counted for one held document: another node
// brings a newer one meanwhile, and the counting begins again.
func TestInsistenceIsForgottenWithTheDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		at := time.Now()
		u.put(key, at, "newer")
		b := sharedmemory.New()
		n := start(t, u, setup{store: handle(t, b)})
		pass(time.Minute)
		u.putBody(key, time.Time{}, document(key, at.Add(-time.Hour), "older"))
		for len(n.log.named("older_document_refused")) < 3 { // to one conditional and two unconditional requests
			pass(100 * time.Millisecond)
		}
		other := handle(t, b)
		stat, err := other.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		newest := ports.Record{Key: key, Body: document(key, at.Add(time.Hour), "newest"), UpdatedAt: at.Add(time.Hour), CheckedAt: time.Now()}
		if _, err := other.Put(t.Context(), newest, stat.Version); err != nil {
			t.Fatal(err)
		}
		pass(interval + time.Second) // one more older answer
		n.serves(t, "newest")
		if logged := n.log.named("environment_went_back"); len(logged) != 0 {
			t.Errorf("logged %v", logged)
		}
	})
}

// A node without any document does not wait for a leaseholder that has none
// either.
func TestANodeWithoutADocumentAsksItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		b := sharedmemory.New()
		if _, held, err := ports.TryLease(t.Context(), handle(t, b), string(key), "gone", time.Hour); !held || err != nil {
			t.Fatal(held, err)
		}
		n := start(t, u, setup{store: handle(t, b)})
		pass(interval)
		n.serves(t, "a")
		pass(5 * time.Minute)
		if requests := u.of(key); len(requests) != 1 {
			t.Errorf("%d polls without the lease", len(requests))
		}
	})
}

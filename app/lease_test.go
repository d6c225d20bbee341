package app_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// A quiet fleet makes few calls, whatever the number of environments, and polls each
// environment once an interval.
func TestAQuietFleetMakesFewCalls(t *testing.T) {
	for _, n := range []int{20, 60} {
		t.Run(fmt.Sprint(n, " environments"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, b, keys := newUpstream(), sharedmemory.New(), many(n)
				for _, key := range keys {
					u.put(key, time.Now(), "a")
				}
				names := []string{"n1", "n2", "n3"}
				var calls [3]atomic.Int64
				var claims, notes atomic.Int64
				var nodes []*node
				for i, name := range names {
					store := &tallied{Store: handle(t, b), calls: &calls[i], claims: &claims, notes: &notes}
					nodes = append(nodes, start(t, u, setup{name: name, store: store, environments: environments(keys...)}))
				}
				pass(10 * time.Minute) // leases have changed hands
				for i := range calls {
					calls[i].Store(0)
				}
				claims.Store(0)
				notes.Store(0)
				began := time.Now()
				const intervals = 30
				pass(intervals * interval)
				for i := range calls {
					// Up to four exchanges of at most three calls, three touches, and a few reads where leases change hands.
					if each := float64(calls[i].Load()) / intervals; each > 15+float64(n)/tenure {
						t.Errorf("%s made %.1f calls an interval", names[i], each)
					}
				}
				polls := 0
				for _, key := range keys {
					polls += len(u.since(key, began))
				}
				if each := float64(polls) / intervals / float64(n); each < 0.98 || each > 1.2 {
					t.Errorf("%.2f polls for each environment and interval", each)
				}
				// What a poll has confirmed is written once, and again at most where leases change hands.
				if written := int(notes.Load()); written > polls*5/4 || written < polls*9/10 {
					t.Errorf("%d notes were written of %d polls", written, polls)
				}
				// A lease is asked for on two beats, and its note written on one.
				if each := float64(claims.Load()) / intervals / float64(n); each > 3.2 {
					t.Errorf("%.2f claims for each environment and interval", each)
				}
				for _, node := range nodes {
					node.isState(t, domain.Fresh)
				}
			})
		})
	}
}

// tenure is the least number of polls after which a lease is offered.
const tenure = 15

// tallied counts the calls of a store, but for Watch, and how many leases are asked for and notes
// written.
type tallied struct {
	ports.Store
	calls, claims, notes *atomic.Int64
}

func (c *tallied) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	c.calls.Add(1)
	return c.Store.Get(ctx, key)
}

func (c *tallied) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	c.calls.Add(1)
	return c.Store.Stat(ctx, key)
}

func (c *tallied) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	c.calls.Add(1)
	return c.Store.Put(ctx, r, v)
}

func (c *tallied) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
	c.calls.Add(1)
	return c.Store.Touch(ctx, key, v, at)
}

func (c *tallied) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	c.calls.Add(1)
	c.claims.Add(int64(len(claims)))
	for _, claim := range claims {
		if claim.Note != "" {
			c.notes.Add(1)
		}
	}
	return c.Store.TryLeases(ctx, claims, holder, ttl)
}

func (c *tallied) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	c.calls.Add(1)
	return c.Store.Leases(ctx, names)
}

func (c *tallied) DropLeases(ctx context.Context, names []string, holder string) error {
	c.calls.Add(1)
	return c.Store.DropLeases(ctx, names, holder)
}

// Nodes with different environments on one store: each environment is polled once,
// by a node that has it.
func TestNodesWithDifferentEnvironments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		for _, key := range []domain.EnvironmentKey{"a", "b", "c"} {
			u.put(key, time.Now(), "old")
		}
		one := start(t, u, setup{name: "n1", store: handle(t, b), environments: environments("a", "b")})
		two := start(t, u, setup{name: "n2", store: handle(t, b), environments: environments("b", "c")})
		pass(time.Minute)
		began := time.Now()
		pass(10 * time.Minute)
		for key, most := range map[domain.EnvironmentKey]int{"a": 66, "b": 66, "c": 66} {
			if polls := len(u.since(key, began)); polls < 58 || polls > most {
				t.Errorf("%d polls of %s in 60 intervals", polls, key)
			}
		}
		one.isState(t, domain.Fresh)
		two.isState(t, domain.Fresh)
	})
}

// All leases run out at once when the node that has all of them dies. Each environment is
// polled again within a lease's time and a moment, and not all at one moment.
func TestManyLeasesOfADeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b, keys := newUpstream(), sharedmemory.New(), many(100)
		for _, key := range keys {
			u.put(key, time.Now(), "a")
		}
		var dead atomic.Bool
		start(t, u, setup{name: "n1", store: &shaky{Store: handle(t, b), hangs: dead.Load}, environments: environments(keys...)})
		pass(time.Minute)
		start(t, u, setup{name: "n2", store: handle(t, b), environments: environments(keys...)})
		start(t, u, setup{name: "n3", store: handle(t, b), environments: environments(keys...)})
		pass(interval)
		dead.Store(true)
		u.script(func(name string, _ domain.EnvironmentKey, _ int) error {
			if name == "n1" {
				return context.DeadlineExceeded
			}
			return nil
		})
		died := time.Now()
		// The lease's time, a tenth of an interval until another node takes it, and a second in which a hundred polls are spread.
		pass(2*interval + interval/10 + time.Second)
		moments := map[time.Time]int{}
		for _, key := range keys {
			polled := false
			for _, r := range u.since(key, died) {
				if r.node != "n1" {
					polled = true
					moments[r.at]++
				}
			}
			if !polled {
				t.Errorf("nobody polls %s", key)
			}
		}
		for at, n := range moments {
			if n > 30 {
				t.Errorf("%d polls at one moment, %v after the node died", n, at.Sub(died))
			}
		}
	})
}

// A node that starts while upstream is away has the age of its documents from the notes of
// nodes that have ended, although the records were written long before.
func TestANodeLearnsTheAgeOfADocumentFromTheNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		s := handle(t, b)
		at := time.Now()
		version, err := s.Put(t.Context(), ports.Record{Key: key, Body: document(key, at, "a"), UpdatedAt: at, CheckedAt: at}, "")
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		u.script(down)
		note := fmt.Sprintf("%d %s", time.Now().UnixMicro(), version)
		if _, err := s.TryLeases(t.Context(), []ports.Claim{{Name: string(key), Note: note}}, "another", time.Minute); err != nil {
			t.Fatal(err)
		}
		n := start(t, u, setup{store: handle(t, b)})
		pass(time.Second)
		n.serves(t, "a")
		n.isState(t, domain.Fresh)
		if r := n.Readiness(); time.Since(r.LastUpdate) != time.Second {
			t.Errorf("the last update was %v ago", time.Since(r.LastUpdate))
		}
	})
}

// Notes that are not ours, or of another version than the record, confirm nothing.
func TestNotesOfOthersConfirmNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		at := time.Now()
		u.put(key, at, "a")
		s := handle(t, b)
		if _, err := s.Put(t.Context(), ports.Record{Key: key, Body: document(key, at, "a"), UpdatedAt: at, CheckedAt: at}, ""); err != nil {
			t.Fatal(err)
		}
		u.script(down)
		n := start(t, u, setup{store: handle(t, b)})
		for i, note := range []string{"?", "", "12 ", "99999999999999999999 v", " v", "9223372036854775807 another-version", "\x00"} {
			if _, err := s.TryLeases(t.Context(), []ports.Claim{{Name: string(key), Note: note}}, "another", time.Hour); err != nil {
				t.Fatal(err)
			}
			pass(interval)
			n.serves(t, "a")
			if r := n.Readiness(); r.LastUpdate.After(at.Add(time.Second)) {
				t.Errorf("note %d, %q, was taken for a confirmation at %v", i, note, r.LastUpdate)
			}
		}
	})
}

package app_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// confirmedBefore checks that a node does not claim that a document was confirmed later than
// at some time.
func (n *node) confirmedBefore(t *testing.T, limit time.Time) {
	t.Helper()
	for _, e := range n.Status().Environments {
		if e.Confirmed.After(limit) {
			t.Errorf("%s is said to have been confirmed %v ago, it was more than %v ago", e.Key, time.Since(e.Confirmed), time.Since(limit))
		}
	}
}

// A record that another node writes again may have been confirmed long ago.
func TestARecordThatIsWrittenAgainConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{store: handle(t, b)})
		pass(interval)
		u.script(down)
		last := n.Readiness().LastUpdate
		pass(5 * interval)
		other := handle(t, b)
		r, err := other.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		r.CheckedAt = r.CheckedAt.Add(interval / 2)
		if _, err := other.Put(t.Context(), r, r.Version); err != nil {
			t.Fatal(err)
		}
		pass(interval)
		n.confirmedBefore(t, last)
		n.isState(t, domain.Stale)
	})
}

// A node that could not note a confirmation while the store was away does not note it later:
// the others would take it for a new one.
func TestAConfirmationIsNotNotedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		all := environments("a", "b", "c", "d", "e") // enough that not every confirmation touches a record
		for _, e := range all {
			u.put(e.Client, time.Now(), "a")
		}
		w := &weather{}
		first := start(t, u, setup{name: "node-1", environments: all, store: adverse{handle(t, b), w, seeded(1)}})
		pass(time.Second)
		second := start(t, u, setup{name: "node-2", environments: all, store: adverse{handle(t, b), w, seeded(2)}})
		pass(2 * interval)
		w.away.Store(true)
		u.script(func(node string, key domain.EnvironmentKey, n int) error {
			if node == "node-1" {
				return nil
			}
			return down(node, key, n)
		})
		pass(interval)
		u.script(down)
		away := time.Now()
		first.isState(t, domain.Fresh)
		pass(6 * interval)
		w.away.Store(false)
		pass(2 * interval)
		second.confirmedBefore(t, away)
	})
}

// A node that could not look at the notes for some time does not know when a new one was
// written.
func TestANoteThatIsSeenLateIsNotNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		w := &weather{}
		start(t, u, setup{name: "node-1", store: handle(t, b)})
		pass(time.Second)
		second := start(t, u, setup{name: "node-2", store: adverse{handle(t, b), w, seeded(2)}})
		pass(2 * interval)
		w.away.Store(true)
		u.script(func(node string, key domain.EnvironmentKey, n int) error {
			if node == "node-1" {
				return nil
			}
			return down(node, key, n)
		})
		away := time.Now()
		pass(2 * interval)
		u.script(down)
		pass(6 * interval)
		w.away.Store(false)
		pass(2 * interval)
		second.confirmedBefore(t, away.Add(2*interval))
		second.isState(t, domain.Stale)
	})
}

// A follower that reaches the store takes a note for as new as it is: it was confirmed when the
// node saw it.
func TestANoteThatIsSeenInTimeIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		start(t, u, setup{name: "node-1", store: handle(t, b)})
		pass(time.Second)
		follower := start(t, u, setup{name: "node-2", store: handle(t, b)})
		pass(2 * interval)
		const step = 100 * time.Millisecond
		last, heard := follower.Readiness().LastUpdate, 0
		for range 80 * int(interval/step) / 10 {
			pass(step)
			if at := follower.Readiness().LastUpdate; !at.Equal(last) {
				last, heard = at, heard+1
				if age := time.Since(at); age > step {
					t.Errorf("what the follower has just heard counts as confirmed %s ago", age)
				}
			}
		}
		if heard < 6 {
			t.Errorf("the follower heard of %d confirmations in 8 intervals", heard)
		}
	})
}

// A note that is seen late does not undo what this node has had confirmed itself meanwhile.
func TestANoteThatIsSeenLateTakesNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		w := &weather{}
		start(t, u, setup{name: "node-1", store: handle(t, b)})
		pass(time.Second)
		second := start(t, u, setup{name: "node-2", store: adverse{handle(t, b), w, seeded(2)}})
		pass(2 * interval)
		w.away.Store(true)
		pass(10 * interval)
		w.away.Store(false)
		last := second.Readiness().LastUpdate
		for range 20 {
			pass(interval / 10)
			now := second.Readiness().LastUpdate
			if now.Before(last) {
				t.Fatalf("the last update was %v ago, and is %v ago now", time.Since(last), time.Since(now))
			}
			last = now
		}
	})
}

//go:build integration

package fleet_test

import (
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// What the leading node led is polled by others within a lease's time when it is
// killed, and at their next turn when it leaves.
func TestLeaderGoes(t *testing.T) {
	f := newFleet(t, 10)
	f.start(4)
	pass(2 * second)
	gone := map[int]bool{}
	for _, tt := range []struct {
		how   string
		end   func(node int)
		bound time.Duration
	}{
		{"killed", func(node int) { f.nodes[node].Kill(t) }, lease + second/10 + slack},
		{"told to stop", func(node int) { f.nodes[node].Signal(t, syscall.SIGTERM) }, second + slack},
	} {
		leaders := f.leaders()
		node := f.busiest(leaders)
		orphans := led(leaders, node)
		at := time.Now()
		tt.end(node)
		gone[node] = true
		var gaps []time.Duration
		for _, key := range orphans {
			wait.Until(t, patience, "another node polls "+key, func() bool {
				for _, p := range f.polls(at, time.Now()) {
					if p.key == key && !gone[p.node] {
						gaps = append(gaps, p.at.Sub(at))
						return true
					}
				}
				return false
			})
		}
		slices.Sort(gaps)
		t.Logf("a node is %s that leads %d environments: others poll them after %s (median), %s (slowest)",
			tt.how, len(gaps), gaps[len(gaps)/2].Round(time.Millisecond), gaps[len(gaps)-1].Round(time.Millisecond))
		if slowest := gaps[len(gaps)-1]; slowest > tt.bound {
			t.Errorf("an environment of a node that was %s was not polled for %s, want at most %s", tt.how, slowest, tt.bound)
		}
	}
	for node := range f.nodes { // and all goes on
		if !gone[node] {
			f.awaitValue(node, f.keys[0], f.change(f.keys[0]))
		}
	}
}

// A leading node that is frozen with an answer of upstream on its way to it
// overwrites nothing newer when it wakes up.
func TestLeaderWakesLate(t *testing.T) {
	f := newFleet(t, 3)
	f.start(3, map[string]any{"api_poll_timeout_seconds": 30})
	pass(2 * second)
	key := f.keys[0]
	frozen := f.leaders()[key]
	var others []int
	for node := range f.nodes {
		if node != frozen {
			others = append(others, node)
		}
	}

	var once sync.Once
	var stale string
	answering := make(chan struct{})
	f.Before(func(r *http.Request) {
		if f.nodeAt(r.Host) != frozen || r.Header.Get("X-Environment-Key") != origin.ServerKey(key) {
			return
		}
		once.Do(func() { // the request is here, the answer will wait for the node
			f.nodes[frozen].Signal(t, syscall.SIGSTOP)
			stale = f.change(key)
			close(answering)
		})
	})
	began := time.Now()
	select {
	case <-answering:
	case <-time.After(patience):
		t.Fatal("the leading node does not poll")
	}
	wait.Until(t, patience, "the frozen node is answered", func() bool {
		return slices.ContainsFunc(f.polls(began, time.Now()), func(p poll) bool { return p.key == key && p.status == 200 })
	})
	f.Before(nil)
	newest := f.change(key)
	for _, node := range others {
		f.awaitValue(node, key, newest)
	}
	updatedAt := f.record("edge-proxy", key, "updated_at")

	f.nodes[frozen].Signal(t, syscall.SIGCONT)
	woken := time.Now()
	var caughtUp time.Duration
	sawStale := false
	for time.Since(woken) < 4*second {
		if got := f.record("edge-proxy", key, "updated_at"); got != updatedAt {
			t.Fatalf("the store's record has updated_at %s, it was %s", got, updatedAt)
		}
		for _, node := range others {
			if got := f.value(node, key); got != newest {
				t.Fatalf("node %d serves %s of %s, it served %s", node, got, key, newest)
			}
		}
		got := f.value(frozen, key)
		sawStale = sawStale || got == stale
		switch {
		case got == newest && caughtUp == 0:
			caughtUp = time.Since(woken)
		case got != newest && caughtUp > 0:
			t.Fatalf("the woken node serves %s of %s, it served %s", got, key, newest)
		}
		pass(2 * time.Millisecond)
	}
	t.Logf("the woken node serves the newest document after %s (it showed the one it had been sent before: %v)", caughtUp.Round(time.Millisecond), sawStale)
	if caughtUp == 0 || caughtUp > second+slack {
		t.Errorf("the woken node served the newest document after %s", caughtUp)
	}
}

//go:build integration

package fleet_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/relay"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Whatever Redis does, clients notice nothing: no request fails or slows, no node
// goes unready although documents would be stale soon, each node polls by itself
// while Redis does not help, and one for all soon after it does again.
func TestRedisAway(t *testing.T) {
	type outage struct {
		name       string
		begin, end func()
		// partial: Redis still answers what needs no memory, so that a node may take
		// it for back more than once.
		partial bool
	}
	run := func(t *testing.T, f *fleet, outages ...outage) {
		f.start(3, map[string]any{"health_check": map[string]any{"environment_update_grace_period_seconds": 0.6}})
		pass(2 * second)
		for _, o := range outages {
			t.Run(o.name, func(t *testing.T) { f.outage(t, o.begin, o.end, o.partial) })
		}
	}

	t.Run("direct", func(t *testing.T) {
		f := newFleet(t, 10)
		server := f.deployment.Servers[0]
		run(t, f,
			outage{"stopped", func() { server.Stop(t) }, func() { server.Start(t) }, false},
			outage{"hangs", func() { server.Pause(t) }, func() { server.Unpause(t) }, false},
			outage{"full",
				func() { server.Command(t, "CONFIG", "SET", "maxmemory", "1") },
				func() { server.Command(t, "CONFIG", "SET", "maxmemory", "0") }, true},
		)
	})
	t.Run("relayed", func(t *testing.T) {
		f := newFleet(t, 10)
		r := f.relayed()
		run(t, f, outage{"packets are lost", func() { r.Hold(relay.Requests | relay.Answers) }, r.Pass, false})
	})
}

// outage has Redis away for a while, and checks the whole of it.
func (f *fleet) outage(t *testing.T, begin, end func(), partial bool) {
	const (
		before = 4 * second
		away   = 7 * second
		alone  = 4 * second // the last part of away, when all have noticed
		after  = 9 * second
		bound  = 4 * second // an interval, and three more for a busy machine
	)
	told := f.told()
	l := f.load()
	at := time.Now()
	pass(before)
	began := time.Now()
	begin()
	pass(time.Until(began.Add(away)))
	ended := time.Now()
	end()
	back := time.Now()
	pass(after)
	for _, failure := range l.end() {
		t.Errorf("a request failed: %s", failure)
	}

	_, p99, longest := l.percentiles(-1, at, began)
	_, p99Away, longestAway := l.percentiles(-1, began, back)
	t.Logf("answers before: 99 %% within %s, all within %s; during: 99 %% within %s, all within %s", p99, longest, p99Away, longestAway)
	for node := range f.nodes {
		_, usual, _ := l.percentiles(node, at, began)
		median, high, _ := l.percentiles(node, began, back)
		if median == 0 || high > 4*usual+60*time.Millisecond {
			t.Errorf("node %d: 99 %% of the answers took up to %s, before it was %s", node, high, usual)
		}
	}

	type pair struct {
		node int
		key  string
	}
	each := map[pair]int{}
	moments := make([]int, 10)
	polls := f.polls(ended.Add(-alone), ended)
	for _, p := range polls {
		each[pair{p.node, p.key}]++
		moments[int(p.at.Sub(began)%second*10/second)]++
	}
	t.Logf("while it is away: %.2f polls per environment and interval (%d nodes); by tenth of the interval: %v", f.perInterval(len(polls), alone), len(f.nodes), moments)
	for node := range f.nodes {
		for _, key := range f.keys {
			if n := each[pair{node, key}]; n == 0 || n > int(alone/second)*3/2 {
				t.Errorf("node %d polled %s %d times in %s", node, key, n, alone)
			}
		}
	}
	if most := slices.Max(moments); most > len(polls)*7/10 { // in step it would be all
		t.Errorf("%d of %d polls came in the same tenth of the interval", most, len(polls))
	}

	for node, now := range f.told() {
		if went, came := now.away-told[node].away, now.back-told[node].back; went != came || went < 1 || went > 1 && !partial {
			t.Errorf("node %d logged %d times that Redis is away, and %d times that it is back", node, went, came)
		}
	}

	one, ok := f.onePoller(back, back.Add(after))
	t.Logf("one poller again %s after its return", one.Round(100*time.Millisecond))
	if !ok || one > bound {
		t.Errorf("more than one node still polls %s after its return", one)
	}
}

// tellings is how often a node logged that Redis is away, and that it is back.
type tellings struct{ away, back int }

func (f *fleet) told() []tellings {
	all := make([]tellings, len(f.nodes))
	for i, node := range f.nodes {
		for _, e := range node.Events() {
			switch {
			case e.Named("store_unavailable"):
				all[i].away++
			case e.Named("store_available"):
				all[i].back++
			}
		}
	}
	return all
}

// onePoller returns how long after from the environments are polled by one node
// each: when no two intervals to come have more than 1.2 polls per environment.
func (f *fleet) onePoller(from, to time.Time) (after time.Duration, ok bool) {
	const step = 100 * time.Millisecond
	polls := f.polls(from, to)
	last := from
	for at := from; !at.Add(2 * f.interval).After(to); at = at.Add(step) {
		n := 0
		for _, p := range polls {
			if !p.at.Before(at) && p.at.Before(at.Add(2*f.interval)) {
				n++
			}
		}
		if float64(n) > 1.2*2*float64(len(f.keys)) {
			last = at.Add(step)
		}
	}
	return last.Sub(from), !last.Add(2 * f.interval).After(to)
}

// Redis that lost everything is filled again within an interval, and no version
// comes a second time.
func TestRedisWiped(t *testing.T) {
	f := newFleet(t, 10)
	f.start(3)
	pass(2 * second)
	used := map[string]bool{}
	for range 3 {
		for _, key := range f.keys {
			version := f.record("edge-proxy", key, "version")
			if version == "" || used[version] {
				t.Fatalf("the record of %s has the version %q; used were %v", key, version, used)
			}
			used[version] = true
		}
		f.deployment.Wipe(t)
		wiped := time.Now()
		wait.Until(t, patience, "all records are back", func() bool {
			return !slices.ContainsFunc(f.keys, func(key string) bool { return f.record("edge-proxy", key, "version") == "" })
		})
		took := time.Since(wiped)
		t.Logf("%d records are back %s after Redis was wiped", len(f.keys), took.Round(time.Millisecond))
		if took > second+slack {
			t.Errorf("the records took %s to come back", took)
		}
	}
	for node := range f.nodes {
		f.awaitValue(node, f.keys[0], f.change(f.keys[0]))
	}
}

// A node that starts while Redis is away starts from upstream; one that starts while
// both are says so, and recovers from whichever comes back.
func TestStartWithoutRedis(t *testing.T) {
	f := newFleet(t, 3)
	f.start(1)
	pass(second)
	server := f.deployment.Servers[0]
	server.Stop(t)

	began := time.Now()
	f.add().WaitReady(t)
	t.Logf("without Redis a node is ready after %s", time.Since(began).Round(time.Millisecond))
	for _, key := range f.keys {
		f.awaitValue(1, key, f.value(0, key))
	}

	f.Origin.Stop(t)
	for range 2 {
		f.wantWaiting(t, f.add())
	}
	f.Resume(t)
	f.nodes[2].WaitReady(t)
	f.nodes[3].WaitReady(t)
	server.Start(t)
	pass(5 * second)
	polls := f.polls(time.Now().Add(-3*second), time.Now())
	if rate := f.perInterval(len(polls), 3*second); rate > 1.2 {
		t.Errorf("%.2f polls per environment and interval with Redis back", rate)
	}

	f.Origin.Stop(t) // and Redis is there
	f.add().WaitReady(t)
	for _, key := range f.keys {
		f.awaitValue(4, key, f.value(0, key))
	}
	f.Resume(t)
}

// wantWaiting checks a node that has nothing to serve.
func (f *fleet) wantWaiting(t *testing.T, node *harness.Proxy) {
	t.Helper()
	e := node.WaitEvent(t, patience, "store_unavailable")
	if e.Text("error") == "" || !strings.Contains(e.Text("effect"), "upstream") {
		t.Errorf("what is logged of Redis: %v", e)
	}
	e = node.WaitEvent(t, patience, "error_fetching_document")
	if e.Text("error") == "" || e.Text("effect") != "no document yet" {
		t.Errorf("what is logged of upstream: %v", e)
	}
	if r := f.client.Readiness(t, node.URL); r.Status != http.StatusServiceUnavailable || r.Reason == "" {
		t.Errorf("readiness %d %q", r.Status, r.Reason)
	}
	if status, body, err := f.client.Flags(node.URL, f.keys[0]); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("flags: %v, %d %s", err, status, body)
	}
}

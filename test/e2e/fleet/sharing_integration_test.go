//go:build integration

package fleet_test

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Three nodes ask upstream as often as one would; a change is served by all within
// a second of being fetched; its bytes go over the wire when there is a change and
// at no other time.
func TestOnePollForAll(t *testing.T) {
	const (
		nodes  = 3
		quiet  = 8 * second
		window = 22 * second
	)
	f := newFleet(t, 10)
	f.start(nodes)
	pass(3 * second) // first polls, and the whole documents after them
	began := time.Now()
	document := f.info("stats", "total_net_input_bytes") / len(f.keys) // put once each, compressed; and a little more

	sent := f.info("stats", "total_net_output_bytes")
	pass(quiet)
	idle := f.info("stats", "total_net_output_bytes") - sent
	turns := nodes * len(f.keys) * int(quiet/second)
	t.Logf("without a change Redis sends %d bytes a turn; a document has about %d", idle/turns, document)
	if idle/turns > 1000 {
		t.Errorf("%d bytes were sent in %d turns without a change", idle, turns)
	}

	sent = f.info("stats", "total_net_output_bytes")
	var lags []time.Duration
	for _, key := range f.keys {
		lags = append(lags, f.lag(key))
	}
	perChange := (f.info("stats", "total_net_output_bytes") - sent) / len(f.keys)
	slices.Sort(lags)
	t.Logf("a change is served by all nodes %s after it was fetched (median of %d; slowest %s)",
		lags[len(lags)/2].Round(time.Millisecond), len(lags), lags[len(lags)-1].Round(time.Millisecond))
	t.Logf("Redis sends %d bytes a change, to %d followers", perChange, nodes-1)
	if slowest := lags[len(lags)-1]; slowest > time.Second {
		t.Errorf("a change was served by all nodes only %s after it was fetched", slowest)
	}
	if low, high := (nodes-1)*len(f.padding)*7/10, (nodes-1)*len(f.padding)*12/10; perChange < low || perChange > high {
		t.Errorf("Redis sent %d bytes a change, want what %d followers need, %d to %d", perChange, nodes-1, low, high)
	}

	pass(time.Until(began.Add(window)))
	took := time.Since(began)
	polls := f.polls(began, began.Add(took))
	rate := f.perInterval(len(polls), took)
	perKey := map[string]int{}
	perNode := map[int]int{}
	for _, p := range polls {
		perKey[p.key]++
		perNode[p.node]++
	}
	t.Logf("%.3f polls per environment and interval in %.1f intervals; by node: %v", rate, float64(took)/float64(second), perNode)
	if rate > 1.2 {
		t.Errorf("%.3f polls per environment and interval, want at most 1.2", rate)
	}
	for _, key := range f.keys {
		if n := perKey[key]; n < int(took/second)*6/10 {
			t.Errorf("%s was polled %d times in %s", key, n, took)
		}
	}
}

// lag changes a document and returns how long after its fetch every node serves it.
func (f *fleet) lag(key string) time.Duration {
	f.t.Helper()
	began := time.Now()
	value := f.change(key)
	var mu sync.Mutex
	var last time.Time
	var all sync.WaitGroup
	for node := range f.nodes {
		all.Go(func() {
			deadline := time.After(patience)
			for f.value(node, key) != value {
				select {
				case <-time.After(2 * time.Millisecond):
				case <-deadline:
					f.t.Errorf("node %d does not serve the change of %s", node, key)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			last = time.Now()
		})
	}
	all.Wait()
	for _, p := range f.polls(began, time.Now()) {
		if p.key == key && p.status == 200 {
			return last.Sub(p.at)
		}
	}
	f.t.Fatalf("the change of %s is served and was never fetched", key)
	return 0
}

// A node that was first leads everything only for a while.
func TestLeadershipSpreads(t *testing.T) {
	f := newFleet(t, 10)
	f.interval = 300 * time.Millisecond
	f.start(3)
	first := f.leaders()
	began := time.Now()
	pass(50 * f.interval) // every lease was offered once at least
	now := f.leaders()
	took := time.Since(began)
	rate := f.perInterval(len(f.polls(began, began.Add(took))), took)
	var before, after []int
	for node := range f.nodes {
		before = append(before, len(led(first, node)))
		after = append(after, len(led(now, node)))
	}
	t.Logf("environments led by each node: %v at first, %v after 50 intervals; %.3f polls per environment and interval", before, after, rate)
	if slices.Max(after) == len(f.keys) {
		t.Error("one node leads all")
	}
	if rate > 1.2 {
		t.Errorf("%.3f polls per environment and interval, want at most 1.2", rate)
	}
}

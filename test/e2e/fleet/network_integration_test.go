//go:build integration

package fleet_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/relay"
)

// relayed puts a relay between Redis and the nodes that start from now on.
func (f *fleet) relayed() *relay.Relay {
	f.t.Helper()
	r := relay.Start(f.t, f.deployment.Servers[0].Addr())
	way := *f.url
	way.Host = r.Addr()
	f.url = &way
	return r
}

// A network to Redis that fails in one direction, or is slow and loses packets, fails no
// request. Every node has a change within an interval or two, by itself if need be, and one
// polls for all soon after the network is well again.
func TestNetworkToRedis(t *testing.T) {
	f := newFleet(t, 3)
	r := f.relayed()
	f.start(2)
	pass(2 * second)
	for _, fault := range []struct {
		name  string
		begin func()
	}{
		{"requests are lost", func() { r.Hold(relay.Requests) }},
		{"answers are lost", func() { r.Hold(relay.Answers) }},
		{"300 ms and lost packets", func() {
			r.Become(relay.Line{Delay: 300 * time.Millisecond, Loss: 0.05, Again: 200 * time.Millisecond})
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			const (
				// bound is what docs/faults.md states with an interval of a second: a call of Redis
				// runs into its time-out, or takes some ways there and back on a slow line.
				bound = 5 * second
				after = 6 * second
			)
			l := f.load()
			fault.begin()
			for range 2 {
				f.arrives(t, bound)
			}
			back := time.Now()
			r.Become(relay.Line{})
			r.Pass()
			f.arrives(t, bound)
			pass(time.Until(back.Add(after)))
			for _, failure := range l.end() {
				t.Errorf("a request failed: %s", failure)
			}
			one, ok := f.onePoller(back, back.Add(after))
			t.Logf("one poller again %s after the network is well", one.Round(100*time.Millisecond))
			if !ok {
				t.Errorf("more than one node still polls %s after the network is well", one)
			}
		})
	}
}

// arrives changes a document and checks that every node serves it within a time.
func (f *fleet) arrives(t *testing.T, bound time.Duration) {
	t.Helper()
	began, value := time.Now(), f.change(f.keys[0])
	for node := range f.nodes {
		f.awaitValue(node, f.keys[0], value)
	}
	took := time.Since(began)
	t.Logf("a change is on every node after %s", took.Round(time.Millisecond))
	if took > 2*bound { // a busy machine
		t.Errorf("a change took %s, want %s", took, bound)
	}
}

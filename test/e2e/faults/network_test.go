package faults_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/relay"
)

// The network between the node and upstream fails in one direction or both. The node serves
// what it has, and soon after the network is back what upstream has.
func TestApartFromUpstream(t *testing.T) {
	t.Parallel()
	for name, directions := range map[string]relay.Direction{
		"requests are lost": relay.Requests,
		"answers are lost":  relay.Answers,
		"both are lost":     relay.Requests | relay.Answers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := relay.Start(t, w.URL(0)[len("http://"):])
			w.start(harness.Setup{Config: config("http://" + r.Addr())})
			w.through(func() {
				r.Hold(directions)
				w.change()
				w.failsPolls()
				w.isReady()
				r.Pass()
				w.serves()
			})
			w.stops()
		})
	}
}

// Delay and lost packets only make changes later, by less than a poll may take.
func TestSlowNetworkToUpstream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := relay.Start(t, w.URL(0)[len("http://"):])
	r.Become(relay.Line{Delay: 300 * time.Millisecond, Loss: 0.05, Again: 200 * time.Millisecond})
	c := config("http://" + r.Addr())
	c["api_poll_timeout_seconds"] = 10
	w.start(harness.Setup{Config: c})
	w.through(func() {
		for range 3 {
			w.change()
			w.serves()
		}
	})
	w.isReady()
	w.stops()
}

//go:build integration

package reporting_test

import (
	"maps"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// TestNodeOfAFleetThatIsKilled sees that each node of a fleet reports its own
// counts, and that the others report what one left that was killed, once.
func TestNodeOfAFleetThatIsKilled(t *testing.T) {
	w := newWorld(t, "one")
	c := w.config()
	maps.Copy(c, map[string]any{
		"store":                        map[string]any{"url": rediscontainers.Single(t).URL.String()},
		"usage_flush_interval_seconds": 0.2,
	})
	w.fail(t, fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, TakesEffect: true, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503})
	lost := start(t, c, "one")
	flags(t, lost, "one", 20)
	wait.Until(t, patience, "a report that upstream has taken, unknown to the node", func() bool { return w.tries(t) > 1 })
	taken := w.usage(t)["one flags"]
	flags(t, lost, "one", 10) // wait for it
	tries := w.tries(t)
	wait.Until(t, patience, "the counts to be saved", func() bool { return w.tries(t) >= tries+5 })
	lost.Kill(t)

	left := start(t, c, "one")
	flags(t, left, "one", 7)
	w.fail(t, fakeflagsmith.ProxyUsage)
	wait.Until(t, patience, "its own counts", func() bool { return w.usage(t)["one flags"] >= taken+7 })
	wait.Until(t, patience, "those of the other", func() bool { return w.usage(t)["one flags"] == 37 })
	flags(t, left, "one", 1)
	stop(t, left)
	if got := w.usage(t)["one flags"]; got != 38 {
		t.Errorf("%d reported, want 38", got)
	}
}

// TestEventsOfANodeThatIsKilled sees that another node of a fleet sends the events that a
// killed one left, each once.
func TestEventsOfANodeThatIsKilled(t *testing.T) {
	w := newWorld(t, "one")
	c := w.eventsConfig(0.2)
	c["store"] = map[string]any{"url": rediscontainers.Single(t).URL.String()}
	w.fail(t, fakeflagsmith.Events, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503})
	lost, left := start(t, c, "one"), start(t, c, "one")
	waiting := numbered("waiting", 300)
	accepted(t, lost, waiting...)
	accepted(t, left, "own")
	wait.Until(t, patience, "the events to be stored", func() bool { return w.tried(t, waiting[0]) && w.tried(t, "own") })
	lost.Kill(t)
	w.fail(t, fakeflagsmith.Events)
	w.takesEach(t, append(waiting, "own")...)
	stop(t, left)
	w.takesEach(t, append(waiting, "own")...)
}

package storetest

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest/histories"
)

func linearCases() []testCase {
	const law = `Each call takes effect at one moment between its start and its return, for
		all handles; a call about several keys or names may do so at a different moment
		for each of them.`
	return []testCase{
		{name: "linearizable-records", law: law, run: func(c *check) { c.linearizable(histories.Load{Records: true}) }},
		{name: "linearizable-states", law: law, run: func(c *check) { c.linearizable(histories.Load{States: true}) }},
		{name: "linearizable-leases", law: law, run: func(c *check) { c.linearizable(histories.Load{Leases: true}) }},
	}
}

// linearizable has callers do what l says through two handles, and looks for an order of
// their calls that explains what they saw.
func (c *check) linearizable(l histories.Load) {
	b := c.backend()
	one := c.open(b)
	other := one
	if c.harness.Shared {
		other = c.open(b)
	}
	l.Stores = []ports.Store{one.store, other.store}
	l.Callers, l.Calls, l.Objects = 8, 100, 3
	l.TTL, l.Timeout, l.LateTouches = 40*time.Millisecond, c.harness.Patience, true
	l.Now, l.Advance = b.Now, b.Advance
	l.Seed = rand.Uint64()

	history, _ := bounded(c, "one of the concurrent calls", 3*c.harness.Patience, func(ctx context.Context) (*histories.History, error) {
		return l.Run(ctx), nil
	})
	for _, problem := range history.Check(6 * c.harness.Patience) {
		c.errorf("%s", problem)
	}
	if known, unknown := history.Outcomes(); unknown > 0 {
		c.errorf("%d of %d calls returned an error that does not say what happened", unknown, known+unknown)
	}
}

package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// leaseOfCase is the time of a lease that is not meant to run out within a case.
	leaseOfCase = time.Minute
	// shortLease is that of a lease that is waited for, where time is real.
	shortLease = 300 * time.Millisecond
	// leaseSlack is how far the times of a lease may be off: calls take time, and
	// backends count milliseconds.
	leaseSlack = 20 * time.Millisecond
)

const (
	lawLease = `TryLeases takes each lease that is claimed for holder, or extends it when holder
		has it, and never waits.`
	lawUntil = `It returns the leases as they are afterwards, in the order
		of the claims: of those that holder got, until when; of those that another holder
		has, which one, when that lease will run out, and the note.`
	lawMany = `A call is about any number of leases with
		different names, also none.`
	lawRead = `Leases returns the leases with these names, in their order, and changes nothing.`
	lawDrop = `DropLeases gives back the leases with these names that holder has; it does nothing
		to the others.`
	lawNote   = `becomes the lease's note if the holder gets the lease; "" leaves the note as it is`
	lawGained = `TryLeases gave it to a holder that did not have it before`
)

func leaseCases() []testCase {
	return []testCase{
		{name: "lease-is-exclusive", law: lawLease, run: func(c *check) {
			one, other := c.openTwo()
			if _, held := one.tryLease("lease", "holder", leaseOfCase); !held {
				c.fatalf("TryLeases of a free lease: not held")
			}
			for range 3 {
				for _, h := range []*handle{one, other} {
					if _, held := h.tryLease("lease", "other holder", leaseOfCase); held {
						c.fatalf("TryLeases: a second holder got it")
					}
				}
			}
			if _, held := other.tryLease("lease", "holder", leaseOfCase); !held {
				c.errorf("TryLeases by the holder, through whichever handle: not held")
			}
		}},
		{name: "lease-goes-to-one-of-many", law: lawLease, run: func(c *check) {
			handles := c.openFour()
			for round := range c.amount(5) {
				var mu sync.Mutex
				var holders []string
				c.together(writers, func(ctx context.Context, i int) {
					holder := fmt.Sprint("holder ", i)
					_, held, err := ports.TryLease(ctx, handles[i%len(handles)].store, fmt.Sprint("lease ", round), holder, leaseOfCase)
					if err != nil {
						c.errorf("TryLeases: %v", err)
					}
					if held {
						mu.Lock()
						defer mu.Unlock()
						holders = append(holders, holder)
					}
				})
				if len(holders) != 1 {
					c.fatalf("of %d callers at once %d got the lease (%q), want 1", writers, len(holders), holders)
				}
			}
		}},
		{name: "lease-until", law: lawUntil, run: leaseUntil},
		{name: "lease-runs-out", law: lawUntil, run: leaseRunsOut},
		{name: "lease-is-extended", law: lawLease, run: leaseIsExtended},
		{name: "leases-in-order", law: lawUntil, run: leasesInOrder},
		{name: "leases-any-number", law: lawMany, run: leasesOfAnyNumber},
		{name: "leases-read", law: lawRead + ` who has it; "" when nobody does. when it runs out, by this node's clock; zero when nobody has it. The note of a lease that nobody has may be lost.`, run: leasesRead},
		{name: "lease-notes", law: lawNote + `. what a holder noted last; "" when nobody did.`, run: leaseNotes},
		{name: "lease-gained", law: lawGained + `.`, run: leaseGained},
		{name: "leases-dropped-together", law: lawDrop, run: leasesDropped},
		{name: "lease-shortest", law: `ttl is at least a millisecond, holder is not empty, and a note has up to 1,024 bytes.`, run: func(c *check) {
			b := c.backend()
			h := c.open(b)
			until, held := h.tryLease("lease", "holder", time.Millisecond)
			if !held {
				c.fatalf("TryLeases of a free lease for a millisecond: not held")
			}
			c.waitFor(b, until)
			c.eventually("a lease of a millisecond runs out", func() bool {
				_, held := h.tryLease("lease", "other holder", leaseOfCase)
				return held
			})
		}},
		{name: "lease-dropped-by-holder-only", law: lawDrop, run: leaseDropped},
		{name: "lease-dropped-late", law: lawDrop, run: func(c *check) {
			b := c.backend()
			h := c.open(b)
			until, _ := h.tryLease("lease", "late", shortLease)
			c.waitFor(b, until)
			c.eventually("another holder gets a lease that ran out", func() bool {
				_, held := h.tryLease("lease", "next", leaseOfCase)
				return held
			})
			h.dropLease("lease", "late")
			if _, held := h.tryLease("lease", "third", leaseOfCase); held {
				c.errorf("a holder whose lease had run out dropped that of the next")
			}
		}},
		{name: "odd-lease-names", law: `Keys, lease names and state names are arbitrary texts of up to 1,024 bytes, compared byte for byte.`, run: func(c *check) {
			one, other := c.openTwo()
			for i, name := range oddNames() {
				if _, held := one.tryLease(name, fmt.Sprint(i), leaseOfCase); !held {
					c.errorf("TryLeases(%s), a lease of its own: not held", show(name))
				}
			}
			for i, name := range oddNames() {
				if _, held := other.tryLease(name, "someone else", leaseOfCase); held {
					c.errorf("TryLeases(%s): a second holder got it", show(name))
				}
				other.dropLease(name, fmt.Sprint(i))
				if _, held := one.tryLease(name, "someone else", leaseOfCase); !held {
					c.errorf("TryLeases(%s) after DropLeases: not held", show(name))
				}
			}
		}},
	}
}

// waitFor lets the backend's clock pass at.
func (c *check) waitFor(b Backend, at time.Time) {
	if b.Advance != nil {
		if left := at.Sub(c.now(b)); left >= 0 {
			b.Advance(left + time.Millisecond)
		}
		return
	}
	c.holdsWithin(time.Until(at)+time.Millisecond, func() bool { return false })
}

// wantUntil checks until against the times before and after the call that
// returned it and the longest time that the lease may have.
func (c *check) wantUntil(what string, until, before, after time.Time, shortest, longest time.Duration) {
	if until.Before(before.Add(shortest - leaseSlack)) {
		c.errorf("%s: until is %v after the call began, want at least %v", what, until.Sub(before), shortest)
	}
	if until.After(after.Add(longest + leaseSlack)) {
		c.errorf("%s: until is %v after the call returned, want at most %v", what, until.Sub(after), longest)
	}
}

func leaseUntil(c *check) {
	b := c.backend()
	h := c.open(b)
	other := h
	if c.harness.Shared {
		other = c.open(b)
	}
	start := c.now(b)
	for _, ttl := range []time.Duration{time.Second, leaseOfCase, 90 * time.Minute} {
		name := "lease for " + ttl.String()
		before := c.now(b)
		until, held := h.tryLease(name, "holder", ttl)
		if !held {
			c.fatalf("TryLeases of a free lease: not held")
		}
		c.wantUntil("TryLeases for "+ttl.String(), until, before, c.now(b), ttl, ttl)
	}
	until, held := other.tryLease("lease for 1m0s", "other holder", time.Second)
	if held {
		c.fatalf("TryLeases: a second holder got it")
	}
	c.wantUntil("TryLeases of another's lease for 1m0s", until, start, c.now(b), leaseOfCase, leaseOfCase)

	before := c.now(b)
	until, held = h.tryLease("lease for 1m0s", "holder", time.Hour)
	if !held {
		c.fatalf("TryLeases by the holder: not held")
	}
	c.wantUntil("TryLeases that extends to an hour", until, before, c.now(b), time.Hour, time.Hour)
}

func leaseRunsOut(c *check) {
	b := c.backend()
	h := c.open(b)
	until, held := h.tryLease("lease", "holder", shortLease)
	if !held {
		c.fatalf("TryLeases of a free lease: not held")
	}
	if b.Advance != nil {
		if _, held := h.tryLease("lease", "other holder", shortLease); held {
			c.fatalf("TryLeases before the lease ran out: a second holder got it")
		}
		c.waitFor(b, until)
	}
	var got time.Time
	c.eventually("another holder gets a lease that ran out", func() bool {
		_, held := h.tryLease("lease", "other holder", leaseOfCase)
		got = c.now(b)
		return held
	})
	if got.Before(until.Add(-leaseSlack)) {
		c.errorf("another holder got the lease %v before it was to run out", until.Sub(got))
	}
	until, held = h.tryLease("lease", "holder", shortLease)
	if held {
		c.errorf("the former holder has it as well")
	}
	c.wantUntil("TryLeases by the former holder", until, got, got, leaseOfCase/2, leaseOfCase)
}

func leaseIsExtended(c *check) {
	b := c.backend()
	h := c.open(b)
	first, held := h.tryLease("lease", "holder", shortLease)
	if !held {
		c.fatalf("TryLeases of a free lease: not held")
	}
	if _, held = h.tryLease("lease", "holder", leaseOfCase); !held {
		// On a machine that stood still the lease may have run out, but it is free then.
		c.fatalf("TryLeases by the holder: not held")
	}
	past := first.Add(leaseSlack)
	if b.Advance != nil {
		c.waitFor(b, past)
	}
	c.eventually("the first time of the lease passes", func() bool {
		passed := c.now(b).After(past)
		if _, held := h.tryLease("lease", "other holder", leaseOfCase); held {
			c.fatalf("another holder got the lease, though it was extended")
		}
		return passed
	})
}

func leaseDropped(c *check) {
	one, other := c.openTwo()
	one.dropLease("lease", "nobody") // it does not exist: nothing happens
	one.tryLease("lease", "holder", leaseOfCase)
	one.tryLease("other lease", "holder", leaseOfCase)
	for _, stranger := range []string{"other holder", "", "Holder", "holder ", "hold"} {
		other.dropLease("lease", stranger)
		if _, held := other.tryLease("lease", "other holder", leaseOfCase); held {
			c.fatalf("DropLeases by %q dropped the lease of %q", stranger, "holder")
		}
	}
	one.dropLease("lease", "holder")
	if _, held := other.tryLease("lease", "other holder", leaseOfCase); !held {
		c.errorf("TryLeases after the holder dropped it: not held")
	}
	if _, held := other.tryLease("other lease", "other holder", leaseOfCase); held {
		c.errorf("DropLeases of one lease dropped another")
	}
	one.dropLease("lease", "holder")
	if _, held := one.tryLease("lease", "holder", leaseOfCase); held {
		c.errorf("DropLeases by the former holder dropped the lease of the next")
	}
}

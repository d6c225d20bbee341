package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// claims returns claims of these names without notes.
func claims(names ...string) []ports.Claim {
	list := make([]ports.Claim, len(names))
	for i, name := range names {
		list[i].Name = name
	}
	return list
}

// wantLease checks who has a lease and what is noted, and that it says until when it is had.
func (c *check) wantLease(what string, got ports.Lease, holder, note string) {
	if got.Holder != holder || got.Note != note || got.Until.IsZero() {
		c.errorf("%s: holder %q, note %q, until %v; want holder %q, note %q, and a time", what, got.Holder, excerpt([]byte(got.Note)), got.Until, holder, excerpt([]byte(note)))
	}
}

func leasesInOrder(c *check) {
	b := c.backend()
	one := c.open(b)
	other := one
	if c.harness.Shared {
		other = c.open(b)
	}
	before := c.now(b)
	one.tryLeases([]ports.Claim{{Name: "b", Note: "of b"}, {Name: "d", Note: "of d"}}, "holder", time.Hour)
	got := other.tryLeases([]ports.Claim{{Name: "d", Note: "x"}, {Name: "a", Note: "of a"}, {Name: "b", Note: "x"}, {Name: "c"}}, "other holder", leaseOfCase)
	after := c.now(b)
	c.wantLease("a lease of another", got[0], "holder", "of d")
	c.wantLease("a free lease", got[1], "other holder", "of a")
	c.wantLease("a lease of another", got[2], "holder", "of b")
	c.wantLease("a free lease without a note", got[3], "other holder", "")
	for i, ttl := range []time.Duration{time.Hour, leaseOfCase, time.Hour, leaseOfCase} {
		c.wantUntil(fmt.Sprintf("lease %d of 4", i+1), got[i].Until, before, after, ttl, ttl)
	}
}

func leasesOfAnyNumber(c *check) {
	one, other := c.openTwo()
	one.tryLeases(nil, "holder", leaseOfCase)
	one.leases()
	one.dropLeases("holder")
	const many = 12_000
	all := make([]string, many)
	for i := range all {
		all[i] = fmt.Sprint("lease ", i)
	}
	noted := claims(all...)
	for i := range noted {
		noted[i].Note = fmt.Sprint("note ", i)
	}
	for i, l := range one.tryLeases(noted, "holder", leaseOfCase) {
		if l.Holder != "holder" {
			c.fatalf("TryLeases of %d free leases: %d is not held", many, i)
		}
	}
	slices.Reverse(all)
	for i, l := range other.leases(all...) {
		if want := fmt.Sprint("note ", many-1-i); l.Holder != "holder" || l.Note != want {
			c.fatalf("of %d leases, Leases returned holder %q and note %q for %s, want note %q", many, l.Holder, l.Note, all[i], want)
		}
	}
	other.dropLeases("other holder", all...)
	one.dropLeases("holder", all...)
	for i, l := range other.tryLeases(claims(all...), "other holder", leaseOfCase) {
		if l.Holder != "other holder" {
			c.fatalf("of %d leases that were given back, %s is not free", many, all[i])
		}
	}
}

func leasesRead(c *check) {
	b := c.backend()
	one := c.open(b)
	other := one
	if c.harness.Shared {
		other = c.open(b)
	}
	before := c.now(b)
	one.tryLeases([]ports.Claim{{Name: "b", Note: "of b"}}, "holder", leaseOfCase)
	free := func(what string, l ports.Lease) {
		if l.Holder != "" || !l.Until.IsZero() || l.Gained {
			c.errorf("Leases of %s: holder %q until %v, want nobody and no time", what, l.Holder, l.Until)
		}
	}
	for range 2 { // reading takes nothing
		got := other.leases("a", "b", "c")
		free("a lease that never was", got[0])
		free("a lease that never was", got[2])
		c.wantLease("Leases of a lease of another", got[1], "holder", "of b")
		c.wantUntil("Leases of a lease of another", got[1].Until, before, c.now(b), leaseOfCase, leaseOfCase)
	}
	one.dropLeases("holder", "b")
	free("a lease that was given back", other.leases("b")[0])
	until, _ := one.tryLease("b", "holder", shortLease)
	c.waitFor(b, until)
	c.eventually("Leases shows that a lease ran out", func() bool { return other.leases("b")[0].Holder == "" })
	free("a lease that ran out", other.leases("b")[0])
}

func leaseNotes(c *check) {
	one, other := c.openTwo()
	long := strings.Repeat("n", 1024)
	for _, note := range []string{"note", "note of another\x00 length \xff 5 7 {}", long, " ", "n"} {
		got := one.tryLeases([]ports.Claim{{Name: "lease", Note: note}}, "holder", leaseOfCase)
		c.wantLease("TryLeases with a note", got[0], "holder", note)
		got = one.tryLeases(claims("lease"), "holder", leaseOfCase)
		c.wantLease("TryLeases that leaves the note", got[0], "holder", note)
		got = other.tryLeases([]ports.Claim{{Name: "lease", Note: "stranger"}}, "other holder", leaseOfCase)
		c.wantLease("TryLeases of another's lease, with a note", got[0], "holder", note)
		c.wantLease("Leases", other.leases("lease")[0], "holder", note)
	}
}

func leaseGained(c *check) {
	b := c.backend()
	h := c.open(b)
	gained := func(holder string, ttl time.Duration) bool {
		return h.tryLeases(claims("lease"), holder, ttl)[0].Gained
	}
	if !gained("holder", leaseOfCase) {
		c.errorf("TryLeases of a free lease: not gained")
	}
	if gained("holder", leaseOfCase) {
		c.errorf("TryLeases by the holder: gained again")
	}
	if gained("other holder", leaseOfCase) {
		c.errorf("TryLeases of another's lease: gained")
	}
	h.dropLeases("holder", "lease")
	if !gained("other holder", shortLease) {
		c.errorf("TryLeases of a lease that was given back: not gained")
	}
	c.waitFor(b, c.now(b).Add(shortLease+leaseSlack))
	if !gained("other holder", leaseOfCase) {
		c.errorf("TryLeases by the same holder after the lease ran out: not gained")
	}
}

func leasesDropped(c *check) {
	one, other := c.openTwo()
	one.tryLeases(claims("a", "b", "c"), "holder", leaseOfCase)
	other.tryLeases(claims("d"), "other holder", leaseOfCase)
	one.dropLeases("holder", "a", "absent", "c", "d")
	for i, want := range []string{"next", "holder", "next", "other holder"} {
		name := string(rune('a' + i))
		if got := other.tryLeases(claims(name), "next", leaseOfCase)[0].Holder; got != want {
			c.errorf("after DropLeases of a, c and the lease d of another, %s is taken by %q, want %q", name, got, want)
		}
	}
}

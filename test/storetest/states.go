package storetest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func stateCases() []testCase {
	return []testCase{
		{
			name: "state-compare-and-set",
			law:  `PutState replaces the value if its version is still ifVersion ("": if the value does not exist or is corrupt).`,
			run:  stateCompareAndSet,
		},
		{
			name: "state-value-ownership",
			law: `It does not keep or change value.
				GetState returns the value, which the caller owns like a record's Body.`,
			run: func(c *check) {
				h := c.openOne()
				buffer := []byte("the valueand what is behind it")
				value := buffer[:len("the value")]
				v := h.putState("name", value, "")
				if string(buffer) != "the valueand what is behind it" {
					c.errorf("PutState changed the value it was given, or what is behind it: %q", buffer)
				}
				kept, _ := h.getState("name")
				copy(value, "XXXXXXXXX")
				if got, _ := h.getState("name"); string(got) != "the value" {
					c.errorf("after the caller changed what it had put: %q", got)
				}
				changed, _ := h.getState("name")
				copy(changed, "XXXXXXXXX")
				if got, _ := h.getState("name"); string(got) != "the value" || string(kept) != "the value" {
					c.errorf("after the caller changed what it had got: %q, and the value kept before: %q", got, kept)
				}
				for i := range 10 {
					v = h.putState("name", bytes.Repeat([]byte{byte(i)}, 9), v)
				}
				if err := h.close(); err != nil {
					c.fatalf("Close: %v", err)
				}
				if string(kept) != "the value" {
					c.errorf("a value kept from before other PutStates and Close is now %q", kept)
				}
			},
		},
		{
			name: "expire-state",
			law: `ExpireState has the value removed when lasts has passed without another call, and at once for 0; it is not an error when the value does not exist.
				A store may keep a value for longer unless lasts is 0.`,
			run: expireState,
		},
		{
			name: "name-spaces-apart",
			law: `They live in a name space of
				their own, apart from records and leases.`,
			run: nameSpacesApart,
		},
		{
			name: "odd-state-names",
			law:  `Keys, lease names and state names are arbitrary texts of up to 1,024 bytes, compared byte for byte.`,
			run: func(c *check) {
				one, other := c.openTwo()
				versions := make(map[string]ports.Version)
				for i, name := range oddNames() {
					versions[name] = one.putState(name, fmt.Appendf(nil, "value %d", i), "")
				}
				for i, name := range oddNames() {
					value, v := other.getState(name)
					if want := fmt.Sprintf("value %d", i); string(value) != want || v != versions[name] {
						c.errorf("GetState(%s) returned %q version %q, want %q version %q", show(name), value, v, want, versions[name])
					}
				}
			},
		},
	}
}

func stateCompareAndSet(c *check) {
	one, other := c.openTwo()
	const name = "discovered"
	_, _, err := one.tryGetState(name)
	c.wantError("GetState of what is absent", err, ports.ErrNotFound)
	_, err = one.tryPutState(name, []byte("x"), "never seen")
	c.wantError("PutState of what is absent, if it has a version", err, ports.ErrConflict)

	seen := make(map[ports.Version]bool)
	var v ports.Version
	for _, value := range [][]byte{[]byte("first"), []byte("first"), {}, nil, {0, 0xff}, bytes.Repeat([]byte("large"), c.amount(1<<17))} {
		former := v
		v = one.putState(name, value, former)
		if seen[v] {
			c.errorf("PutState returned version %q a second time", v)
		}
		seen[v] = true
		_, err := other.tryPutState(name, []byte("rejected"), former)
		c.wantError("PutState with a stale version", err, ports.ErrConflict)
		got, gotVersion := other.getState(name)
		if !bytes.Equal(got, value) || gotVersion != v {
			c.errorf("GetState returned %s version %q, want %s version %q", excerpt(got), gotVersion, excerpt(value), v)
		}
	}
}

func expireState(c *check) {
	one, other := c.openTwo()
	one.expireState("absent", 0)
	one.expireState("absent", time.Hour)
	first := one.putState("name", []byte("value"), "")
	kept := one.putState("another", []byte("kept"), "")
	one.expireState("name", time.Hour)
	if value, v := other.getState("name"); string(value) != "value" || v != first {
		c.errorf("an hour before it expires, GetState returned %q version %q, want %q version %q", value, v, "value", first)
	}
	second := one.putState("name", []byte("newer"), first)
	other.expireState("name", 0)
	for _, h := range []*handle{one, other} {
		_, _, err := h.tryGetState("name")
		c.wantError("GetState of what has expired", err, ports.ErrNotFound)
		if value, v := h.getState("another"); string(value) != "kept" || v != kept {
			c.errorf("of another name, GetState returned %q version %q, want %q version %q", value, v, "kept", kept)
		}
	}
	_, err := one.tryPutState("name", []byte("late"), second)
	c.wantError("PutState with the version of what has expired", err, ports.ErrConflict)
	third := one.putState("name", []byte("again"), "")
	if value, v := other.getState("name"); string(value) != "again" || v != third || v == first || v == second {
		c.errorf("after it expired and PutState, GetState returned %q version %q, want %q and a new version", value, v, "again")
	}
}

func nameSpacesApart(c *check) {
	h := c.openOne()
	const name = string(someKey)
	state := h.putState(name, []byte("state"), "")
	c.wantKeys("with a state alone", h.list(), []domain.EnvironmentKey{})
	_, err := h.tryGet(someKey)
	c.wantError("Get with a state of that name", err, ports.ErrNotFound)
	if _, held := h.tryLease(name, "holder", leaseOfCase); !held {
		c.errorf("TryLeases with a state of that name: not held")
	}
	v := h.put(record(someKey, "record"), "")
	c.wantRecord("with a state and a lease of that name", h.get(someKey), record(someKey, "record"), v)
	c.wantKeys("with a record, a state and a lease", h.list(), []domain.EnvironmentKey{someKey})
	wantState := func(when string) {
		value, got := h.getState(name)
		if string(value) != "state" || got != state {
			c.errorf("%s GetState returned %q version %q, want %q version %q", when, value, got, "state", state)
		}
	}
	wantState("with a record and a lease of that name")
	h.dropLease(name, "holder")
	wantState("after DropLeases")
	h.delete(someKey)
	wantState("after Delete")
	if _, held := h.tryLease(name, "holder", leaseOfCase); !held {
		c.errorf("TryLeases after Delete: not held")
	}
	state = h.putState(name, []byte("state"), state)
	if _, held := h.tryLease(name, "other holder", leaseOfCase); held {
		c.errorf("TryLeases after Delete and PutState: another holder got it")
	}
}

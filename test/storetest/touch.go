package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	lawTouch = `Touch moves the record's CheckedAt forward, never back, if its version is
		v.`
	lawTouchErrors = `Errors: ErrConflict when the record has another version, ErrNotFound when the record does not exist, ErrUnavailable, ErrClosed.`
	lawTouchStays  = `The version stays, and nobody is woken.`
	lawTouchLate   = `It may be delayed, and lost in a
		crash.`
)

func touchCases() []testCase {
	return []testCase{
		{name: "touch-moves-forward", law: lawTouch, run: func(c *check) {
			one, other := c.openTwo()
			v := one.put(record(someKey, "{}"), "")
			at := someCheck()
			for _, step := range []time.Duration{time.Microsecond, time.Second, 24 * time.Hour} {
				at = at.Add(step)
				one.touch(someKey, v, at)
				other.wantChecked(someKey, at)
				one.wantChecked(someKey, at)
			}
		}},
		{name: "touch-never-moves-back", law: lawTouch, run: func(c *check) {
			h := c.openOne()
			v := h.put(record(someKey, "{}"), "")
			at := someCheck()
			for i := range 5 {
				for _, back := range []time.Time{at.Add(-time.Microsecond), at.Add(-time.Hour), {}, at} {
					h.touch(someKey, v, back)
					if got := h.stat(someKey).CheckedAt; got.Before(at) {
						c.fatalf("Touch with %v moved CheckedAt from %v back to %v", back, at, got)
					}
				}
				at = at.Add(time.Duration(i+1) * time.Second)
				h.touch(someKey, v, at)
				h.wantChecked(someKey, at)
			}
		}},
		{name: "touch-by-many", law: lawTouch, run: func(c *check) {
			handles := c.openFour()
			v := handles[0].put(record(someKey, "{}"), "")
			c.together(writers, func(ctx context.Context, i int) {
				at := someCheck().Add(time.Duration(i*37%writers) * time.Second)
				if err := handles[i%len(handles)].store.Touch(ctx, someKey, v, at); err != nil {
					c.errorf("Touch: %v", err)
				}
			})
			handles[0].wantChecked(someKey, someCheck().Add((writers-1)*time.Second))
		}},
		{name: "touch-changes-nothing-else", law: lawTouchStays, run: func(c *check) {
			h := c.openOne()
			want := record(someKey, "document")
			v := h.put(want, "")
			want.CheckedAt = want.CheckedAt.Add(time.Hour)
			h.touch(someKey, v, want.CheckedAt)
			h.wantChecked(someKey, want.CheckedAt)
			c.wantRecord("after Touch", h.get(someKey), want, v)
			h.put(record(someKey, "next"), v) // the version is current still
		}},
		{name: "touch-another-version", law: lawTouchErrors, run: func(c *check) {
			one, other := c.openTwo()
			first := one.put(record(someKey, "first"), "")
			want := record(someKey, "second")
			second := one.put(want, first)
			for _, stale := range []ports.Version{first, "", "never seen", second + "x"} {
				err := other.tryTouch(someKey, stale, someCheck().Add(time.Hour))
				c.wantError(fmt.Sprintf("Touch of version %q, the current one being %q", stale, second), err, ports.ErrConflict)
			}
			c.wantRecord("after Touches of other versions", one.get(someKey), want, second)
		}},
		{name: "touch-absent", law: lawTouchErrors, run: func(c *check) {
			h := c.openOne()
			v := h.put(record(someKey, "{}"), "")
			h.delete(someKey)
			for _, key := range []domain.EnvironmentKey{someKey, otherKey} {
				for _, version := range []ports.Version{v, ""} {
					c.wantError("Touch of what is absent", h.tryTouch(key, version, someCheck().Add(time.Hour)), ports.ErrNotFound)
					_, err := h.tryGet(key)
					c.wantError("Get after Touch of what is absent", err, ports.ErrNotFound)
				}
			}
		}},
		{name: "touch-survives-an-earlier-delete", law: lawTouch, run: touchAfterDelete},
		{name: "touch-does-not-outlive-its-version", law: lawTouch + " " + lawTouchLate, run: touchLate},
	}
}

// wantChecked waits until CheckedAt is at: Touch may be delayed.
func (h *handle) wantChecked(key domain.EnvironmentKey, at time.Time) {
	h.c.eventually(fmt.Sprintf("Stat shows the CheckedAt of Touch, %v", at), func() bool {
		return h.stat(key).CheckedAt.Equal(at)
	})
}

// touchAfterDelete writes and touches records again as soon as another call has removed them,
// which may not have returned yet: what it does after it has removed a record must not reach
// the next one.
func touchAfterDelete(c *check) {
	const keys, rounds, atOnce = 32, 6, 3
	b := c.backend()
	one := c.open(b)
	other := one
	if c.harness.Shared {
		other = c.open(b)
	}
	c.together(keys, func(ctx context.Context, i int) {
		key := domain.EnvironmentKey(fmt.Sprintf("deleted-%d", i))
		if _, err := one.store.Put(ctx, record(key, "0"), ""); err != nil {
			c.errorf("Put: %v", err)
			return
		}
		for round := range rounds {
			deleted := make(chan error, 1)
			go func() { deleted <- other.store.Delete(ctx, key) }()
			at := someCheck().Add(time.Duration(round+1) * time.Hour)
			next := record(key, fmt.Sprint(round+1))
			var v ports.Version
			var err error
			removed := func() bool {
				v, err = one.store.Put(ctx, next, "")
				return !errors.Is(err, ports.ErrConflict)
			}
			for n := 0; n < atOnce && !removed(); n++ {
				runtime.Gosched() // to Delete
			}
			if errors.Is(err, ports.ErrConflict) {
				c.holdsWithin(c.harness.Patience, removed)
			}
			if err == nil {
				err = one.store.Touch(ctx, key, v, at)
			}
			var before, after ports.Record
			if err == nil {
				before, err = one.store.Stat(ctx, key)
			}
			if err = errors.Join(err, <-deleted); err == nil {
				after, err = one.store.Stat(ctx, key)
			}
			if err != nil {
				c.errorf("round %d: %v", round, err)
				return
			}
			if after.Version != v || after.CheckedAt.Before(before.CheckedAt) {
				c.errorf("after Put, Touch with %v and the end of an earlier Delete, version %q has CheckedAt %v; it was version %q with %v", at, after.Version, after.CheckedAt, v, before.CheckedAt)
				return
			}
		}
	})
}

// touchLate replaces and deletes records that have just been touched: what a
// store has delayed must not reach what came after.
func touchLate(c *check) {
	b := c.backend()
	h := c.open(b)
	late := someCheck().Add(24 * time.Hour)
	v := h.put(record(someKey, "first"), "")
	gone := h.put(record(otherKey, "to be deleted"), "")
	h.touch(someKey, v, late)
	h.touch(otherKey, gone, late)
	want := record(someKey, "second")
	v = h.put(want, v)
	h.delete(otherKey)

	look := func(when string) {
		c.wantRecord(when, h.get(someKey), want, v)
		_, err := h.tryGet(otherKey)
		c.wantError("Get of what was deleted, "+when, err, ports.ErrNotFound)
	}
	look("after Put and Delete of touched records")
	if c.harness.Durable {
		if err := h.close(); err != nil { // writes what is delayed
			c.fatalf("Close: %v", err)
		}
		h = c.open(b)
		look("after Put and Delete of touched records, and Close")
	}
}

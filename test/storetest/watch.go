package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The sentences of Watch's contract.
const (
	lawWatch = `Watch calls wake once for every one of keys as soon as it is subscribed,
		then after each change of one of them (Put or Delete, through whichever
		handle or process), until ctx ends (it returns the context's error), the
		store is closed (ErrClosed) or the subscription breaks (ErrUnavailable;
		call Watch again).`
	lawHints = `Wakes are hints: several changes may be one wake, and a
		wake may be without a change, so re-read with Stat or Get.`
	lawOneWake = `wake is called
		from one goroutine at a time; one that takes long delays no other call of
		the store and no other watcher.`
	lawNoWatch = `errors.ErrUnsupported: the store cannot
		watch, the caller polls.`
)

// pause is how long a case looks on where nothing may happen.
const pause = 50 * time.Millisecond

func watchCases() []testCase {
	return []testCase{
		{name: "watch-or-unsupported", law: lawNoWatch, run: func(c *check) {
			w := c.openOne().startWatch([]domain.EnvironmentKey{someKey}, nil)
			c.eventually("Watch subscribes, or returns at once that it cannot", func() bool { return w.ended() || w.wokeAll() })
			if w.ended() {
				c.wantError("Watch that returned at once", w.err, errors.ErrUnsupported)
			}
		}},
		{name: "watch-first-wake", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			v := h.put(record(someKey, "{}"), "")
			// One key has a record, the other has none, one is named twice.
			f, _ := h.follow(someKey, otherKey, someKey)
			f.wantVersion("it is subscribed", someKey, v)
		}},
		{name: "watch-no-keys", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			h.watch([]domain.EnvironmentKey{someKey}, nil) // skips where the store cannot watch
			w := h.startWatch(nil, nil)
			h.put(record(someKey, "{}"), "")
			if c.holdsWithin(pause, w.ended) {
				c.fatalf("Watch of no keys returned %v", w.err)
			}
			w.cancel()
			w.wantEnd("of no keys after its context ended", context.Canceled)
		}},
		{name: "watch-put", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			f, _ := h.follow(someKey)
			var v ports.Version
			for i := range c.amount(30) {
				v = h.put(record(someKey, fmt.Sprint(i)), v)
				f.wantVersion("Put", someKey, v)
			}
		}},
		{name: "watch-delete", law: lawWatch, run: func(c *check) {
			one, other := c.openTwo()
			f, _ := one.follow(someKey)
			for range 5 {
				v := one.put(record(someKey, "{}"), "")
				f.wantVersion("Put", someKey, v)
				other.delete(someKey)
				f.wantVersion("Delete", someKey, "")
			}
		}},
		{name: "watch-other-handle", law: lawWatch, run: func(c *check) {
			c.need(c.harness.Shared, "second handle, as its backend is not shared")
			one, other := c.openTwo()
			here, _ := one.follow(someKey)
			there, _ := other.follow(someKey)
			var v ports.Version
			for i := range c.amount(20) {
				writer := []*handle{one, other}[i%2]
				v = writer.put(record(someKey, fmt.Sprint(i)), v)
				here.wantVersion("Put through one of two handles", someKey, v)
				there.wantVersion("Put through one of two handles", someKey, v)
			}
		}},
		{name: "watch-odd-keys", law: lawWatch, run: func(c *check) {
			one, other := c.openTwo()
			var keys []domain.EnvironmentKey
			for _, name := range oddNames() {
				keys = append(keys, domain.EnvironmentKey(name))
			}
			f, _ := one.follow(keys...)
			for _, key := range keys {
				v := other.put(record(key, "{}"), "")
				f.wantVersion("Put", key, v)
			}
		}},
		{name: "watch-only-its-keys", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			f, w := h.follow(someKey)
			other, _ := h.follow(otherKey, "A", "")
			for _, key := range []domain.EnvironmentKey{otherKey, "A", "", someKey + "x", someKey[1:]} {
				h.put(record(key, "{}"), "")
				h.delete(key)
			}
			v := h.put(record(someKey, "{}"), "")
			f.wantVersion("Put", someKey, v) // earlier changes were announced before, if at all
			w.cancel()
			w.wantEnd("after its context ended", context.Canceled)
			last := h.put(record(otherKey, "{}"), "")
			other.wantVersion("Put", otherKey, last)
		}},
		{name: "watch-coalesced-wakes-miss-nothing", law: lawHints, run: watchStorm},
		{name: "watch-one-wake-at-a-time", law: lawOneWake, run: func(c *check) {
			h := c.openOne()
			keys := manyKeys(16)
			h.watch(keys, func(domain.EnvironmentKey) { runtime.Gosched() }) // watching finds overlaps
			f, _ := h.follow(keys...)
			c.putAll(h, keys, 4)
			for _, key := range keys {
				f.wantVersion("Puts by many", key, h.stat(key).Version)
			}
		}},
		{name: "watch-slow-consumer", law: lawOneWake, run: watchSlowConsumer},
		{name: "watch-ends-with-context", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			w := h.watch([]domain.EnvironmentKey{someKey}, nil)
			other, _ := h.follow(someKey)
			w.cancel()
			w.wantEnd("after its context ended", context.Canceled)
			v := h.put(record(someKey, "{}"), "")
			other.wantVersion("Put after another Watch ended", someKey, v)

			again, _ := h.follow(someKey)
			v = h.put(record(someKey, "{}"), v)
			again.wantVersion("Put in a Watch begun after another ended", someKey, v)
		}},
		{name: "watch-ends-with-deadline", law: lawWatch, run: func(c *check) {
			h := c.openOne()
			h.watch([]domain.EnvironmentKey{someKey}, nil) // skips where the store cannot watch
			_, err := bounded(c, "Watch", c.harness.Patience, func(ctx context.Context) (struct{}, error) {
				ctx, cancel := context.WithTimeout(ctx, pause)
				defer cancel()
				return struct{}{}, h.store.Watch(ctx, []domain.EnvironmentKey{someKey}, func(domain.EnvironmentKey) {})
			})
			c.wantError("Watch whose context has a deadline", err, context.DeadlineExceeded)
		}},
		{name: "watch-ends-with-close", law: lawWatch, run: func(c *check) {
			one, other := c.openTwo()
			w := one.watch([]domain.EnvironmentKey{someKey}, nil)
			second := one.watch([]domain.EnvironmentKey{otherKey}, nil)
			if err := one.close(); err != nil {
				c.errorf("Close: %v", err)
			}
			w.wantEnd("after Close", ports.ErrClosed)
			second.wantEnd("after Close", ports.ErrClosed)
			if one != other {
				f, _ := other.follow(someKey)
				f.wantVersion("Put through another handle than the closed one", someKey, other.put(record(someKey, "{}"), ""))
			}
		}},
		{name: "watch-not-woken-by-touch", law: `The version stays, and nobody is woken.`, run: watchTouch},
	}
}

func manyKeys(n int) []domain.EnvironmentKey {
	keys := make([]domain.EnvironmentKey, n)
	for i := range keys {
		keys[i] = domain.EnvironmentKey(fmt.Sprintf("environment-%03d", i))
	}
	return keys
}

// putAll replaces the record of each key rounds times, several keys at once.
func (c *check) putAll(h *handle, keys []domain.EnvironmentKey, rounds int) {
	c.together(len(keys), func(ctx context.Context, i int) {
		v, err := currentVersion(ctx, h.store, keys[i])
		for round := 0; round < rounds && err == nil; round++ {
			v, err = h.store.Put(ctx, record(keys[i], fmt.Sprint(round)), v)
		}
		if err != nil {
			c.errorf("Put(%s): %v", show(keys[i]), err)
		}
	})
}

func currentVersion(ctx context.Context, s ports.Store, key domain.EnvironmentKey) (ports.Version, error) {
	r, err := s.Stat(ctx, key)
	if errors.Is(err, ports.ErrNotFound) {
		return "", nil
	}
	return r.Version, err
}

// watchStorm changes many keys faster than a follower reads them: however few
// wakes come of it, the last change of each key has to be among what is read.
func watchStorm(c *check) {
	one, other := c.openTwo()
	keys := manyKeys(16)
	f, w := one.follow(keys...)
	c.putAll(other, keys, c.amount(20))
	for _, key := range keys {
		f.wantVersion("the last of many Puts", key, one.stat(key).Version)
	}
	if w.ended() {
		c.errorf("Watch returned %v in a storm of changes", w.err)
	}
}

// watchSlowConsumer blocks one wake while there are more changes than buffers are
// usually large.
func watchSlowConsumer(c *check) {
	one, other := c.openTwo()
	keys := manyKeys(32)
	var blocking atomic.Bool
	blocked, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })

	slow := &follower{h: one, versions: make(map[domain.EnvironmentKey]ports.Version)}
	w := one.watch(keys, func(key domain.EnvironmentKey) {
		if blocking.CompareAndSwap(true, false) {
			close(blocked)
			<-release
		}
		slow.read(key)
	})
	c.cleanup(letGo) // before the Watch is waited for
	blocking.Store(true)
	one.put(record(keys[0], "{}"), "")
	c.eventually("Watch wakes after Put", func() bool { return isClosed(blocked) })

	quickHere, _ := one.follow(keys...)
	quickThere, _ := other.follow(keys...)
	for _, h := range []*handle{one, other} {
		c.putAll(h, keys, c.amount(20))
		for _, key := range keys {
			v := h.stat(key).Version
			quickHere.wantVersion("Put, while another watcher is slow", key, v)
			quickThere.wantVersion("Put, while another watcher is slow", key, v)
		}
		h.touch(keys[0], h.get(keys[0]).Version, someCheck().Add(time.Second))
		h.list()
		h.tryLease("lease", "holder", leaseOfCase)
		h.dropLease("lease", "holder")
		_, v, _ := h.tryGetState("state")
		h.putState("state", nil, v)
		h.delete(keys[1])
	}

	letGo()
	for _, key := range keys {
		v, err := bounded(c, "Stat", one.limit, func(ctx context.Context) (ports.Version, error) {
			return currentVersion(ctx, other.store, key)
		})
		if err != nil {
			c.fatalf("Stat(%s): %v", show(key), err)
		}
		c.eventually("the slow watcher is woken for "+show(key)+" again, or told that its subscription broke", func() bool {
			return slow.version(key) == v || w.ended()
		})
	}
	if w.ended() {
		c.wantError("Watch that a slow consumer broke", w.err, ports.ErrUnavailable)
	}
}

// watchTouch cannot demand that no wake comes, as wakes may be without a change;
// but if every Touch causes one, that is not an accident.
func watchTouch(c *check) {
	one, other := c.openTwo()
	v := one.put(record(someKey, "{}"), "")
	f, w := one.follow(someKey, otherKey)
	f.wantVersion("it is subscribed", someKey, v)
	const touches = 10
	woken := 0
	var marker ports.Version
	for i := range touches {
		before := w.count(someKey)
		other.touch(someKey, v, someCheck().Add(time.Duration(i+1)*time.Second))
		// By the time this is announced, the other would have been.
		marker = other.put(record(otherKey, fmt.Sprint(i)), marker)
		f.wantVersion("Put", otherKey, marker)
		c.holdsWithin(2*time.Millisecond, func() bool { return w.count(someKey) > before })
		if w.count(someKey) > before {
			woken++
		}
	}
	if woken == touches {
		c.errorf("each of %d Touches was followed by a wake", touches)
	}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

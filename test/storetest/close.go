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

const (
	lawClose = `Close ends every Watch, waits for calls under way, writes what is delayed
		and releases the backend.`
	lawClosed = `Further calls of Close return nil; every other
		call returns ErrClosed from then on.`
	// lawErrors is said of one method or another.
	lawErrors = `ErrClosed: the call came after Close.
		Errors: ErrNotFound, ErrCorrupt, ErrUnavailable, ErrClosed.
		Errors: ErrConflict, ErrUnavailable, ErrClosed.
		Errors: ErrUnavailable, ErrClosed.`
)

func closeCases() []testCase {
	return []testCase{
		{name: "close-again", law: lawClosed, run: func(c *check) {
			h := c.openOne()
			for i := range 3 {
				if err := h.close(); err != nil {
					c.errorf("call %d of Close: %v", i+1, err)
				}
			}
			c.together(8, func(context.Context, int) {
				if err := h.store.Close(); err != nil {
					c.errorf("Close by several at once: %v", err)
				}
			})
		}},
		{name: "closed-calls", law: lawClosed + " " + lawErrors, run: func(c *check) {
			one, other := c.openTwo()
			v := one.put(record(someKey, "{}"), "")
			if err := one.close(); err != nil {
				c.errorf("Close: %v", err)
			}
			for _, m := range append(methods(), watchMethod()) {
				_, err := bounded(c, m.name, c.harness.Patience, func(ctx context.Context) (struct{}, error) {
					return struct{}{}, m.call(ctx, one.store)
				})
				if m.name == "Watch" && errors.Is(err, errors.ErrUnsupported) {
					continue
				}
				c.wantError(m.name+" after Close", err, ports.ErrClosed)
			}
			if one != other {
				c.wantRecord("through another handle than the closed one", other.get(someKey), record(someKey, "{}"), v)
				other.put(record(someKey, "next"), v)
			}
		}},
		{name: "close-waits-for-wake", law: lawClose, run: closeWaits},
		{name: "close-amid-calls", law: lawClose, run: closeAmidCalls},
		{name: "close-writes-what-is-delayed", law: lawClose, run: func(c *check) {
			c.need(c.harness.Durable, "durable backend")
			b := c.backend()
			h := c.open(b)
			want := record(someKey, "document")
			v := h.put(want, "")
			want.CheckedAt = someCheck().Add(24 * time.Hour)
			h.touch(someKey, v, want.CheckedAt)
			if err := h.close(); err != nil {
				c.fatalf("Close: %v", err)
			}
			c.wantRecord("after Touch, Close and Open", c.open(b).get(someKey), want, v)
		}},
	}
}

// closeWaits holds a wake back: Watch is a call under way, and Close waits for it.
func closeWaits(c *check) {
	h := c.openOne()
	var blocking atomic.Bool
	blocked, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	w := h.watch([]domain.EnvironmentKey{someKey}, func(domain.EnvironmentKey) {
		if blocking.CompareAndSwap(true, false) {
			close(blocked)
			<-release
		}
	})
	c.cleanup(letGo)
	blocking.Store(true)
	h.put(record(someKey, "{}"), "")
	c.eventually("Watch wakes after Put", func() bool { return isClosed(blocked) })

	closed := make(chan struct{})
	var err error
	go func() {
		defer close(closed)
		err = h.store.Close()
	}()
	if c.holdsWithin(4*pause, func() bool { return isClosed(closed) }) {
		c.errorf("Close returned while a Watch was within wake")
	}
	letGo()
	c.eventually("Close returns when the last wake has", func() bool { return isClosed(closed) })
	if err != nil {
		c.errorf("Close: %v", err)
	}
	after := w.total()
	w.wantEnd("after Close", ports.ErrClosed)
	if w.total() != after {
		c.errorf("wake was called after Close had returned")
	}
}

// closeAmidCalls closes while many write: each call either did what it says or
// came too late.
func closeAmidCalls(c *check) {
	b := c.backend()
	h := c.open(b)
	var mu sync.Mutex
	stored := make(map[domain.EnvironmentKey]ports.Version)
	var writing sync.WaitGroup // until each writer has written once
	writing.Add(16)
	c.together(17, func(ctx context.Context, i int) {
		if i == 16 {
			writing.Wait()
			if err := h.store.Close(); err != nil {
				c.errorf("Close amid calls: %v", err)
			}
			return
		}
		for n := 0; ; n++ {
			key := domain.EnvironmentKey(fmt.Sprintf("%d/%d", i, n))
			v, err := h.store.Put(ctx, record(key, "{}"), "")
			if n == 0 {
				writing.Done()
				runtime.Gosched() // to Close
			}
			if err != nil {
				c.wantError("Put while the store is closed", err, ports.ErrClosed)
				return
			}
			mu.Lock()
			stored[key] = v
			mu.Unlock()
		}
	})
	if !c.harness.Durable {
		return
	}
	h = c.open(b)
	for key, v := range stored {
		c.wantRecord("put before Close, after Open", h.get(key), record(key, "{}"), v)
	}
}

package storetest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// check is a case under way: what it may use, and where it reports.
type check struct {
	t       *testing.T // for the harness; failures of the store go through check
	harness Harness
	law     string
	brief   bool // see amount

	mu       sync.Mutex
	failures []string
	skipped  string
	cleanups []func()
}

// abort ends a case from within; guard stops it.
type abort struct{}

// guard runs f until it returns or ends the case.
func (c *check) guard(f func()) {
	defer func() {
		switch reason := recover().(type) {
		case nil, abort:
		default:
			panic(reason)
		}
	}()
	f()
}

// finish runs what was deferred, last first.
func (c *check) finish() {
	for {
		c.mu.Lock()
		last := len(c.cleanups) - 1
		if last < 0 {
			c.mu.Unlock()
			return
		}
		cleanup := c.cleanups[last]
		c.cleanups = c.cleanups[:last]
		c.mu.Unlock()
		c.guard(cleanup)
	}
}

func (c *check) cleanup(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleanups = append(c.cleanups, f)
}

// errorf notes a failure. It may be called from every goroutine, the following
// only from that of the case.
func (c *check) errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, describe(c.law, format, args...))
}

// fatalf notes a failure and ends the case.
func (c *check) fatalf(format string, args ...any) {
	c.errorf(format, args...)
	panic(abort{})
}

// skip ends the case, which cannot be checked with this harness.
func (c *check) skip(reason string) {
	c.mu.Lock()
	c.skipped = reason
	c.mu.Unlock()
	panic(abort{})
}

// amount returns n, which is how much a case tries of what it tries again and again. The
// suite's own tests run all cases with each of many broken stores, whose defects show at
// once: they need a tenth.
func (c *check) amount(n int) int {
	if c.brief {
		return max(2, n/10)
	}
	return n
}

func (c *check) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.failures) > 0
}

// need skips the case unless ok.
func (c *check) need(ok bool, what string) {
	if !ok {
		c.skip("the harness has no " + what)
	}
}

// eventually waits until condition holds and fails the case if it does not
// within the harness's patience.
func (c *check) eventually(what string, condition func() bool) {
	if !c.holdsWithin(c.harness.Patience, condition) {
		c.fatalf("waited %v in vain: %s", c.harness.Patience, what)
	}
}

// awaits is eventually for a channel that is to be closed.
func (c *check) awaits(what string, closed <-chan struct{}) {
	deadline := time.NewTimer(c.harness.Patience)
	defer deadline.Stop()
	select {
	case <-closed:
	case <-deadline.C:
		c.fatalf("waited %v in vain: %s", c.harness.Patience, what)
	}
}

func (c *check) holdsWithin(limit time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			return condition()
		case <-poll.C:
		}
	}
	return true
}

// bounded runs f with a context that ends after limit. A call that does not heed
// it fails the case instead of hanging it.
func bounded[T any](c *check, what string, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		value, err := f(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	// As long again, so that a call that does heed its context is reported with its error.
	hung := time.NewTimer(limit)
	defer hung.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-hung.C:
		c.fatalf("%s has not returned after %v, though its context ended", what, 2*limit)
		panic("unreachable")
	}
}

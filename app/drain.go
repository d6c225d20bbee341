package app

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNotServing is the error of an action on a node that has not begun to serve, or that
// is shutting down.
var ErrNotServing = errors.New("the node does not serve yet, or is shutting down")

// drain says whether the node takes itself out of service: for a while, because an
// operator asked for it, or for good, because it shuts down. It is safe for concurrent
// use; the zero value says that it does not.
type drain struct {
	on atomic.Bool // for readers, who do not wait

	mu      sync.Mutex
	input   Input // nil before the node serves
	ending  bool  // the node shuts down
	attempt int   // counts changes, so that the end of an earlier drain ends no later one
	timer   *time.Timer
}

// serves makes input the one to drain.
func (d *drain) serves(input Input) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.input = input
}

// begin drains for a time, then calls ended unless another call came first.
func (d *drain) begin(limit time.Duration, ended func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.input == nil || d.ending {
		return ErrNotServing
	}
	d.forget()
	mine := d.attempt
	d.timer = time.AfterFunc(limit, func() {
		if d.undo(mine) {
			ended()
		}
	})
	d.on.Store(true)
	d.input.Drain()
	return nil
}

// end ends what begin has begun, and reports whether there was something to end.
func (d *drain) end() (was bool, err error) {
	d.mu.Lock()
	if d.input == nil || d.ending {
		d.mu.Unlock()
		return false, ErrNotServing
	}
	mine := d.attempt
	d.mu.Unlock()
	return d.undo(mine), nil
}

// undo ends a drain, if it is still the one of that attempt.
func (d *drain) undo(attempt int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ending || d.attempt != attempt || !d.on.Load() {
		return false
	}
	d.forget()
	d.on.Store(false)
	d.input.Undrain()
	return true
}

// forget makes the timer of an earlier drain ineffective.
func (d *drain) forget() {
	d.attempt++
	if d.timer != nil {
		d.timer.Stop()
	}
}

// shutDown drains for good.
func (d *drain) shutDown(input Input) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ending = true
	d.forget()
	d.on.Store(true)
	input.Drain()
}

// Drain takes the node out of service until limit has passed, or until Undrain: it is
// not ready, so that load balancers send clients elsewhere, and each answer asks its
// client to open a new connection. Requests are answered all the same, and documents are
// kept fresh. Another call replaces the limit. A shutdown is not delayed. It does not
// wait and is safe for concurrent use. Errors: ErrNotServing.
func (a *App) Drain(limit time.Duration) error {
	return a.drain.begin(limit, func() {
		a.deps.Logger.WarnContext(context.Background(), "drain_ended", "reason", "its time is over", "effect", "the node is ready again if its documents are fresh")
		a.recent.Add("drain_ended", "", "The time for which the node was drained is over.")
	})
}

// Undrain ends a Drain and reports whether there was one. It does not wait and is safe
// for concurrent use. Errors: ErrNotServing.
func (a *App) Undrain() (was bool, err error) { return a.drain.end() }

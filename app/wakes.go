package app

import (
	"sync"
	"time"
)

// wakes collects reasons for a keeper to look at once. Any number of them before
// it looks are one.
type wakes struct {
	signal chan struct{}
	mu     *sync.Mutex
	reason *wake
}

// wake is a reason: the store changed, upstream is said to have, or something about
// the keeper itself did.
type wake struct {
	store     bool
	keys      bool // server-side keys came that documents can be fetched with
	settings  bool
	upstream  bool
	updatedAt time.Time // what upstream is said to have, zero when that is not known
	// alone: only this node was told, so that it must ask upstream itself whoever
	// has the lease.
	alone bool
}

func newWakes() wakes {
	return wakes{signal: make(chan struct{}, 1), mu: &sync.Mutex{}, reason: &wake{}}
}

// byStore never waits.
func (w wakes) byStore() { w.ring(func(r *wake) { r.store = true }) }

// byKeys never waits.
func (w wakes) byKeys() { w.ring(func(r *wake) { r.keys = true }) }

// bySettings never waits.
func (w wakes) bySettings() { w.ring(func(r *wake) { r.settings = true }) }

// byUpstream never waits.
func (w wakes) byUpstream(updatedAt time.Time) {
	w.ring(func(r *wake) {
		if !r.upstream || updatedAt.IsZero() || !r.updatedAt.IsZero() && updatedAt.After(r.updatedAt) {
			r.updatedAt = updatedAt
		}
		r.upstream = true
	})
}

// byCaller is byUpstream for what only this node was told. It never waits.
func (w wakes) byCaller() {
	w.ring(func(r *wake) { r.upstream, r.updatedAt, r.alone = true, time.Time{}, true })
}

func (w wakes) ring(add func(*wake)) {
	w.mu.Lock()
	add(w.reason)
	w.mu.Unlock()
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// take returns what came since the last call.
func (w wakes) take() wake {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := *w.reason
	*w.reason = wake{}
	return taken
}

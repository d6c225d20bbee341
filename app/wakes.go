package app

import (
	"slices"
	"sync"
	"time"
)

// wakes collects the reasons why a keeper should act at once. Reasons that come before
// it does are merged.
type wakes struct {
	signal chan struct{}
	mu     *sync.Mutex
	reason *wake
}

// wake is a merged reason: the store has changed, its seat in the fleet has, upstream is
// said to have changed, or the keeper's own keys or settings have.
type wake struct {
	store     bool
	fleet     bool // another node has confirmed the document, or this node is to poll now
	keys      bool // documents can be fetched now, by new server-side keys
	settings  bool
	upstream  bool
	updatedAt time.Time // what upstream is said to have; zero: unknown
	// alone: only this node was notified, so that it must ask upstream itself even
	// without the lease.
	alone bool
	// measures: those of operators have changed. operator: this node has changed them,
	// and the others are to be notified.
	measures, operator bool
	// triggers are the last notices of upstream's changes, for traces.
	triggers []Trigger
}

// keptTriggers bounds the triggers that one poll is linked with.
const keptTriggers = 8

func newWakes() wakes {
	return wakes{signal: make(chan struct{}, 1), mu: &sync.Mutex{}, reason: &wake{}}
}

// byStore never waits.
func (w wakes) byStore() { w.ring(func(r *wake) { r.store = true }) }

// byFleet never waits.
func (w wakes) byFleet() { w.ring(func(r *wake) { r.fleet = true }) }

// byKeys never waits.
func (w wakes) byKeys() { w.ring(func(r *wake) { r.keys = true }) }

// bySettings never waits.
func (w wakes) bySettings() { w.ring(func(r *wake) { r.settings = true }) }

// byMeasures never waits.
func (w wakes) byMeasures() { w.ring(func(r *wake) { r.measures = true }) }

// byOperator never waits.
func (w wakes) byOperator() { w.ring(func(r *wake) { r.operator = true }) }

// byUpstream never waits.
func (w wakes) byUpstream(updatedAt time.Time, t Trigger) {
	w.ring(func(r *wake) { r.addUpstream(updatedAt, false, t) })
}

// byCaller is byUpstream for a change that only this node was notified of. It never waits.
func (w wakes) byCaller(t Trigger) {
	w.ring(func(r *wake) { r.addUpstream(time.Time{}, true, t) })
}

// addUpstream merges what upstream is said to have into a reason.
func (r *wake) addUpstream(updatedAt time.Time, alone bool, triggers ...Trigger) {
	if !r.upstream || updatedAt.IsZero() || !r.updatedAt.IsZero() && updatedAt.After(r.updatedAt) {
		r.updatedAt = updatedAt
	}
	r.upstream, r.alone = true, r.alone || alone
	for _, t := range triggers {
		if t == nil {
			continue
		}
		if len(r.triggers) == keptTriggers {
			r.triggers = slices.Delete(r.triggers, 0, 1)
		}
		r.triggers = append(r.triggers, t)
	}
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

// take returns the reasons since the last call.
func (w wakes) take() wake {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := *w.reason
	*w.reason = wake{}
	return taken
}

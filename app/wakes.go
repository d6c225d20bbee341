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

// news is what has changed, or several of these as a bit set.
type news uint8

const (
	ofStore    news = 1 << iota
	ofFleet         // another node has confirmed the document, or this node is to poll now
	ofKeys          // documents can be fetched now, by new server-side keys
	ofSettings      // of the keeper
	ofMeasures      // of operators
	ofOperator      // this node has changed measures, and the others are to be notified
)

// wake is a merged reason: news, or that upstream is said to have changed.
type wake struct {
	news      news
	upstream  bool
	updatedAt time.Time // what upstream is said to have; zero: unknown
	// alone: only this node was notified, so that it must ask upstream itself even
	// without the lease.
	alone bool
	// triggers are the last notices of upstream's changes, for traces.
	triggers []Trigger
}

// keptTriggers bounds the triggers that one poll is linked with.
const keptTriggers = 8

func newWakes() wakes {
	return wakes{signal: make(chan struct{}, 1), mu: &sync.Mutex{}, reason: &wake{}}
}

// by never waits.
func (w wakes) by(n news) { w.ring(func(r *wake) { r.news |= n }) }

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

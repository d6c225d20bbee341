package app

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// library is what is served, and since when it is known to be right. Readers take
// the snapshot; writers replace it whole.
type library struct {
	now      func() time.Time
	snapshot atomic.Pointer[Snapshot]

	mu        sync.Mutex
	confirmed map[domain.EnvironmentKey]time.Time
}

func newLibrary(now func() time.Time) *library {
	l := &library{now: now, confirmed: map[domain.EnvironmentKey]time.Time{}}
	l.snapshot.Store(NewSnapshot(domain.NewKeyRing(nil), nil, now))
	return l
}

// setKeys replaces the key ring; environments that it lacks are dropped.
func (l *library) setKeys(ring *domain.KeyRing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.snapshot.Load()
	environments := make(map[domain.EnvironmentKey]*Environment, len(ring.Environments()))
	confirmed := make(map[domain.EnvironmentKey]time.Time, len(ring.Environments()))
	for _, e := range ring.Environments() {
		if held := old.environments[e.Client]; held != nil {
			environments[e.Client] = held
		}
		if at, ok := l.confirmed[e.Client]; ok {
			confirmed[e.Client] = at
		}
	}
	l.confirmed = confirmed
	l.snapshot.Store(NewSnapshot(ring, environments, l.now))
}

// put serves an environment from now on. It is ignored when the ring no longer
// has its key.
func (l *library) put(e *Environment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.snapshot.Load()
	if !old.ring.Has(e.Key) {
		return
	}
	environments := maps.Clone(old.environments)
	environments[e.Key] = e
	l.snapshot.Store(NewSnapshot(old.ring, environments, l.now))
}

// confirm notes that the environment's document was right at that time. The last
// call counts, also where the clock was set back since the one before.
func (l *library) confirm(key domain.EnvironmentKey, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snapshot.Load().ring.Has(key) {
		l.confirmed[key] = at
	}
}

// confirmations returns the time of each environment's last confirmation, zero
// where there is none.
func (l *library) confirmations() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := l.snapshot.Load().Keys()
	times := make([]time.Time, len(keys))
	for i, k := range keys {
		times[i] = l.confirmed[k.Client]
	}
	return times
}

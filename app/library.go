package app

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// library holds what is served, and when each document was last confirmed. Readers load
// the snapshot; writers replace it as a whole.
type library struct {
	now       func() time.Time
	announcer *announcer
	snapshot  atomic.Pointer[Snapshot]
	// incomplete: discovery has not read a list yet, see Snapshot.Complete. It is guarded
	// by mu.
	incomplete bool
	// track, unless nil, is called with new keys before requests are answered by them.
	track func([]domain.EnvironmentKeys)

	mu        sync.Mutex
	confirmed map[domain.EnvironmentKey]time.Time
	// joined is when environments were added that have no document yet and came while
	// all others were fresh.
	joined map[domain.EnvironmentKey]time.Time
}

func newLibrary(now func() time.Time) *library {
	l := &library{now: now, announcer: newAnnouncer(), confirmed: map[domain.EnvironmentKey]time.Time{}}
	l.snapshot.Store(NewSnapshot(domain.NewKeyRing(nil), nil, now))
	return l
}

// setKeys replaces the key ring; environments that it lacks are dropped. fresh says
// whether all environments so far are fresh: then new ones do not make the proxy
// unready at once, see confirmations.
func (l *library) setKeys(ring *domain.KeyRing, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.snapshot.Load()
	joined := map[domain.EnvironmentKey]time.Time{}
	environments := make(map[domain.EnvironmentKey]*Environment, len(ring.Environments()))
	confirmed := make(map[domain.EnvironmentKey]time.Time, len(ring.Environments()))
	for _, e := range ring.Environments() {
		if held := old.Environment(e.Client); held != nil {
			environments[e.Client] = held
		}
		if at, ok := l.confirmed[e.Client]; ok {
			confirmed[e.Client] = at
		} else if at, ok := l.joined[e.Client]; ok {
			joined[e.Client] = at
		} else if fresh && !old.ring.Has(e.Client) {
			joined[e.Client] = l.now()
		}
	}
	l.confirmed, l.joined = confirmed, joined
	if l.track != nil {
		l.track(ring.Environments())
	}
	next := NewSnapshot(ring, environments, l.now)
	next.incomplete = l.incomplete
	l.snapshot.Store(next)
}

// setComplete makes the snapshot complete or incomplete.
func (l *library) setComplete(complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if complete == l.incomplete {
		l.incomplete = !complete
		next := *l.snapshot.Load()
		next.incomplete = l.incomplete
		l.snapshot.Store(&next)
	}
}

// put serves an environment from now on and announces it. A document is not served
// when the ring no longer has its key.
func (l *library) put(e *Environment) {
	l.replace(e)
	l.announcer.announce(e)
}

func (l *library) replace(e *Environment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.snapshot.Load()
	if i, ok := s.ring.Index(e.Key); ok {
		l.snapshot.Store(s.with(i, e))
	}
}

// confirm records that the environment's document was right at that time. The last call
// wins, even if the clock was set back.
func (l *library) confirm(key domain.EnvironmentKey, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snapshot.Load().ring.Has(key) {
		l.confirmed[key] = at
		delete(l.joined, key)
	}
}

// served returns how many environments have a document, and how many there are.
func (l *library) served() (served, all int) {
	s := l.snapshot.Load()
	for _, e := range s.environments {
		if e != nil {
			served++
		}
	}
	return served, len(s.environments)
}

// oldest returns the environment whose document was confirmed longest ago, or never.
func (l *library) oldest() (key domain.EnvironmentKey, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, k := range l.snapshot.Load().Keys() {
		if confirmed := l.confirmed[k.Client]; i == 0 || confirmed.Before(at) {
			key, at = k.Client, confirmed
		}
	}
	return key, at
}

// confirmedAt returns when the environment's document was last confirmed, or zero.
func (l *library) confirmedAt(key domain.EnvironmentKey) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.confirmed[key]
}

// confirmation is when an environment's document was last confirmed, or zero. waits says
// that the environment does not count: environments that were added to fresh ones are
// left out until their first document arrives, at most for the grace period. A new
// environment must not take a proxy out of service that serves all others.
type confirmation struct {
	at    time.Time
	waits bool
}

// confirmations returns the confirmation of each environment of a snapshot, in the order
// of its ring.
func (l *library) confirmations(f domain.Freshness) (*Snapshot, []confirmation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snapshot := l.snapshot.Load()
	keys := snapshot.Keys()
	patience, ends := f.TotalGrace(len(keys))
	all := make([]confirmation, len(keys))
	for i, k := range keys {
		all[i].at = l.confirmed[k.Client]
		if at, waits := l.joined[k.Client]; waits {
			all[i].waits = !ends || l.now().Sub(at) <= patience
		}
	}
	return snapshot, all
}

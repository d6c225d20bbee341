package reporting

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// linger is how long requests are still counted for an environment that was removed: as
// long as a request that began before can take.
const linger = time.Minute

// Served is how often each service of an environment was served.
type Served [domain.NumServices]int64

// Requests counts served requests by environment: totals since the start, of which Usage
// reports those of discovered environments. It counts nothing until Track sets
// environments. It is safe for concurrent use; make it with NewRequests.
type Requests struct {
	now func() time.Time
	// counted has a counter for each environment that is counted. The map never
	// changes; it may be nil.
	counted atomic.Pointer[map[domain.EnvironmentKey]*counter]

	mu sync.Mutex // held while the map is replaced
	// former counters were removed from the map. A request may have looked them up just
	// before.
	former []*counter
}

// counter counts the requests of one environment.
type counter struct {
	environment domain.EnvironmentKey
	discovered  bool               // its requests are reported
	lanes       [requestLanes]lane // of what was served, to be added up

	// Requests.mu guards what follows.
	drained   Served    // what was reported of served
	removedAt time.Time // zero until the environment is removed
}

// requestLanes is how many lanes the counts of an environment have.
const requestLanes = 8

// lane is a part of the counts of an environment. It fills a cache line, so that processors
// that count in different lanes do not wait for each other.
type lane struct {
	served [domain.NumServices]atomic.Int64
	_      [64 - 8*domain.NumServices]byte
}

// served returns how often the services were served.
func (k *counter) served() (total Served) {
	for i := range k.lanes {
		for what := range total {
			total[what] += k.lanes[i].served[what].Load()
		}
	}
	return total
}

// NewRequests returns a Requests without environments.
func NewRequests(now func() time.Time) *Requests { return &Requests{now: now} }

// Count counts one served request. It ignores environments that Track was not given. Calls
// at the same time should mostly differ in lane, so that they do not count in one place.
func (q *Requests) Count(key domain.EnvironmentKey, what domain.Service, lane uint32) {
	counted := q.counted.Load()
	if counted == nil {
		return
	}
	if k := (*counted)[key]; k != nil {
		k.lanes[lane%requestLanes].served[what].Add(1)
	}
}

// Served returns the totals of an environment. They begin again when the environment is
// removed and added again, or is discovered instead of configured. Served takes no lock.
func (q *Requests) Served(key domain.EnvironmentKey) (total Served) {
	counted := q.counted.Load()
	if counted == nil {
		return total
	}
	if k := (*counted)[key]; k != nil {
		return k.served()
	}
	return total
}

// Track sets which environments exist. It is called before requests are answered for
// new ones. A removed environment is still counted for a while, for requests under way.
// One that is now configured instead of discovered is not reported any more.
func (q *Requests) Track(environments []domain.EnvironmentKeys) {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := q.all()
	next := make(map[domain.EnvironmentKey]*counter, len(environments))
	for _, e := range environments {
		k := old[e.Client]
		delete(old, e.Client)
		if k != nil && k.discovered != e.Discovered {
			k.removedAt = q.now()
			q.former = append(q.former, k)
			k = nil
		}
		if k == nil {
			k = &counter{environment: e.Client, discovered: e.Discovered}
		}
		k.removedAt = time.Time{}
		next[e.Client] = k
	}
	for key, k := range old {
		if k.removedAt.IsZero() {
			k.removedAt = q.now()
		}
		// drain forgets those that are reported.
		if k.discovered || q.now().Sub(k.removedAt) < linger {
			next[key] = k
		}
	}
	q.put(next)
}

// all returns a copy of the map. The caller holds q.mu.
func (q *Requests) all() map[domain.EnvironmentKey]*counter {
	counted := q.counted.Load()
	if counted == nil {
		return nil
	}
	return maps.Clone(*counted)
}

// put replaces the map. The caller holds q.mu.
func (q *Requests) put(next map[domain.EnvironmentKey]*counter) {
	if len(next) == 0 {
		q.counted.Store(nil)
		return
	}
	q.counted.Store(&next)
}

// drain returns what was counted of discovered environments since the last call, for
// environments that exist and for those that were removed.
func (q *Requests) drain() (present, removed []domain.UsageRow) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	next := q.all()
	former := q.former
	q.former = nil
	for key, k := range next {
		if k.removedAt.IsZero() {
			present = k.drain(present)
			continue
		}
		removed = k.drain(removed)
		if k.discovered && now.Sub(k.removedAt) >= linger {
			delete(next, key)
			q.former = append(q.former, k)
		}
	}
	for _, k := range former {
		removed = k.drain(removed)
		if now.Sub(k.removedAt) < 2*linger {
			q.former = append(q.former, k)
		}
	}
	if counted := q.counted.Load(); counted != nil && len(next) < len(*counted) {
		q.put(next)
	}
	return present, removed
}

// undrained returns how many requests the next drain returns.
func (q *Requests) undrained() (n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, k := range q.all() {
		n += k.undrained()
	}
	for _, k := range q.former {
		n += k.undrained()
	}
	return n
}

func (k *counter) undrained() (n int64) {
	if !k.discovered {
		return 0
	}
	for what, total := range k.served() {
		n += total - k.drained[what]
	}
	return n
}

// drain appends what was counted since the last call to rows, if it is reported.
func (k *counter) drain(rows []domain.UsageRow) []domain.UsageRow {
	if !k.discovered {
		return rows
	}
	for what, total := range k.served() {
		if n := total - k.drained[what]; n > 0 {
			k.drained[what] = total
			rows = append(rows, domain.UsageRow{Environment: k.environment, Resource: domain.Service(what).Resource(), Count: n})
		}
	}
	return rows
}

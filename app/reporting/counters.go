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

// counters count served requests. The zero value counts nothing until Track sets
// environments.
type counters struct {
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
	served      [domain.NumResources]atomic.Int64
	removedAt   time.Time // zero until the environment is removed; guarded by counters.mu
}

// Count counts one served request. It ignores environments that were not discovered.
func (c *counters) Count(key domain.EnvironmentKey, what domain.Resource) {
	counted := c.counted.Load()
	if counted == nil {
		return
	}
	if k := (*counted)[key]; k != nil {
		k.served[what].Add(1)
	}
}

// Track sets which environments exist. It is called before requests are answered for
// new ones. A removed environment is still counted for a while, for requests under way;
// one that is now configured instead of discovered is not.
func (c *counters) Track(environments []domain.EnvironmentKeys) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.all()
	next := make(map[domain.EnvironmentKey]*counter, len(environments))
	for _, e := range environments {
		k := old[e.Client]
		delete(old, e.Client)
		switch {
		case e.Discovered && k == nil:
			next[e.Client] = &counter{environment: e.Client}
		case e.Discovered:
			k.removedAt = time.Time{}
			next[e.Client] = k
		case k != nil:
			k.removedAt = c.now()
			c.former = append(c.former, k)
		}
	}
	for key, k := range old {
		if k.removedAt.IsZero() {
			k.removedAt = c.now()
		}
		next[key] = k
	}
	c.put(next)
}

// all returns a copy of the map. The caller holds c.mu.
func (c *counters) all() map[domain.EnvironmentKey]*counter {
	counted := c.counted.Load()
	if counted == nil {
		return nil
	}
	return maps.Clone(*counted)
}

// put replaces the map. The caller holds c.mu.
func (c *counters) put(next map[domain.EnvironmentKey]*counter) {
	if len(next) == 0 {
		c.counted.Store(nil)
		return
	}
	c.counted.Store(&next)
}

// drain returns what was counted since the last call, for environments that exist and
// for those that were removed.
func (c *counters) drain() (present, removed []domain.UsageRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	next := c.all()
	former := c.former
	c.former = nil
	for key, k := range next {
		if k.removedAt.IsZero() {
			present = k.drain(present)
			continue
		}
		removed = k.drain(removed)
		if now.Sub(k.removedAt) >= linger {
			delete(next, key)
			c.former = append(c.former, k)
		}
	}
	for _, k := range former {
		removed = k.drain(removed)
		if now.Sub(k.removedAt) < 2*linger {
			c.former = append(c.former, k)
		}
	}
	if counted := c.counted.Load(); counted != nil && len(next) < len(*counted) {
		c.put(next)
	}
	return present, removed
}

// drain appends what was counted to rows, and resets the counter.
func (k *counter) drain(rows []domain.UsageRow) []domain.UsageRow {
	for what := range k.served {
		if n := k.served[what].Swap(0); n > 0 {
			rows = append(rows, domain.UsageRow{Environment: k.environment, Resource: domain.Resource(what), Count: n})
		}
	}
	return rows
}

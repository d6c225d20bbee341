package reporting

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// linger is how long an environment that was removed is still counted for: as long
// as requests can take that began before.
const linger = time.Minute

// counters count served requests. The zero value counts nothing until track names
// environments.
type counters struct {
	now func() time.Time
	// counted has a counter for each environment that is counted. The map does not
	// change; nil is none.
	counted atomic.Pointer[map[domain.EnvironmentKey]*counter]

	mu sync.Mutex // of those who replace the map
	// former counters were taken off the map. Somebody may have looked them up just
	// before.
	former []*counter
}

// counter counts the requests of one environment.
type counter struct {
	environment domain.EnvironmentKey
	served      [domain.NumResources]atomic.Int64
	removedAt   time.Time // zero while the environment is there; belongs to who has counters.mu
}

// Count counts one served request. Environments that discovery did not bring are
// not counted.
func (c *counters) Count(key domain.EnvironmentKey, what domain.Resource) {
	counted := c.counted.Load()
	if counted == nil {
		return
	}
	if k := (*counted)[key]; k != nil {
		k.served[what].Add(1)
	}
}

// Track names all environments there are. It is called before requests are
// answered for new ones. One that was removed goes on being counted for a while,
// for requests under way; one that is still there but was not discovered does not.
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

// all returns a copy of the map. It needs c.mu.
func (c *counters) all() map[domain.EnvironmentKey]*counter {
	counted := c.counted.Load()
	if counted == nil {
		return nil
	}
	return maps.Clone(*counted)
}

// put replaces the map. It needs c.mu.
func (c *counters) put(next map[domain.EnvironmentKey]*counter) {
	if len(next) == 0 {
		c.counted.Store(nil)
		return
	}
	c.counted.Store(&next)
}

// drain takes what was counted since the last call: of environments that are
// there, and of those that were removed.
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

// drain appends what was counted, and begins anew.
func (k *counter) drain(rows []domain.UsageRow) []domain.UsageRow {
	for what := range k.served {
		if n := k.served[what].Swap(0); n > 0 {
			rows = append(rows, domain.UsageRow{Environment: k.environment, Resource: domain.Resource(what), Count: n})
		}
	}
	return rows
}

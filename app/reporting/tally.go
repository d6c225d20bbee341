package reporting

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// batchEntries and batchBytes are the approximate bounds of one report: upstream
	// refuses larger ones.
	batchEntries = 1000
	batchBytes   = 1 << 20
	// entryBytes is the approximate size of an entry without its strings.
	entryBytes = 128
	// mostCount is the highest count that upstream keeps.
	mostCount = math.MaxInt32
)

// tally adds up counts by environment and by K, in bounded memory. It is safe for
// concurrent use.
type tally[K comparable] struct {
	limit int           // bytes, approximately
	texts func(K) int   // length of K's texts
	own   func(K) K     // a copy of K that does not share memory with it
	lost  func(n int64) // called under the lock with counts that did not fit

	mu   sync.Mutex
	held map[domain.EnvironmentKey]map[K]int64
	size int // of what is held, and of what was taken and is not settled yet

	pending *atomic.Int64 // the sum of the counts of all that
}

// entry is one count.
type entry[K comparable] struct {
	what  K
	count int64
}

// batch is one report: some of the entries of an environment.
type batch[K comparable] struct {
	environment domain.EnvironmentKey
	entries     []entry[K]
	size        int
}

func newTally[K comparable](limit int, texts func(K) int, own func(K) K, lost func(int64), pending *atomic.Int64) *tally[K] {
	return &tally[K]{limit: limit, texts: texts, own: own, lost: lost, pending: pending, held: map[domain.EnvironmentKey]map[K]int64{}}
}

func (t *tally[K]) cost(what K) int { return t.texts(what) + entryBytes }

// add adds counts. A new entry that does not fit is lost; a known entry always fits.
func (t *tally[K]) add(environment domain.EnvironmentKey, counted []entry[K]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.held[environment]
	if held == nil {
		held = make(map[K]int64, len(counted))
	}
	for _, e := range counted {
		if _, known := held[e.what]; known {
			held[e.what] += e.count
			t.pending.Add(e.count)
			continue
		}
		if cost := t.cost(e.what); t.size+cost <= t.limit {
			t.size += cost
			held[t.own(e.what)] = e.count
			t.pending.Add(e.count)
		} else {
			t.lost(e.count)
		}
	}
	if len(held) > 0 {
		t.held[environment] = held
	}
}

// take returns everything that is held. Each batch must be passed to putBack or release.
func (t *tally[K]) take() []batch[K] {
	t.mu.Lock()
	defer t.mu.Unlock()
	var batches []batch[K]
	for environment, held := range t.held {
		p := batch[K]{environment: environment}
		for what, count := range held {
			cost := t.cost(what)
			if len(p.entries) == batchEntries || len(p.entries) > 0 && p.size+cost > batchBytes {
				batches = append(batches, p)
				p = batch[K]{environment: environment}
			}
			p.entries = append(p.entries, entry[K]{what, min(count, mostCount)})
			p.size += cost
			if count > mostCount { // the rest goes with the next
				held[what] -= mostCount
				t.size += cost
			} else {
				delete(held, what)
			}
		}
		batches = append(batches, p)
		if len(held) == 0 {
			delete(t.held, environment)
		}
	}
	return batches
}

// putBack adds a batch that was not delivered to what has come since.
func (t *tally[K]) putBack(p batch[K]) {
	t.release(p) // so that there is room for it
	t.add(p.environment, p.entries)
}

// release frees the memory budget of a settled batch.
func (t *tally[K]) release(p batch[K]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.size -= p.size
	t.pending.Add(-p.sum())
}

// sum returns the sum of a batch's counts.
func (p batch[K]) sum() (n int64) {
	for _, e := range p.entries {
		n += e.count
	}
	return n
}

package limits

import (
	"math/rand/v2"
	"sync"
	"time"
)

// table has a value for each of the keys that were used last, up to a number of them.
// When it is full, the one of two random keys that was used longer ago makes room for a
// new one, which costs the same however large the table is.
type table[K comparable, V any] struct {
	max   int
	value func() V // of a new key

	mu      sync.Mutex
	entries map[K]*entry[K, V]
	all     []*entry[K, V] // the same in any order
}

type entry[K comparable, V any] struct {
	key   K
	value V
	used  time.Time
}

func newTable[K comparable, V any](max int, value func() V) *table[K, V] {
	return &table[K, V]{max: max, value: value, entries: map[K]*entry[K, V]{}}
}

// get returns the value of a key, which is used at that time.
func (t *table[K, V]) get(key K, now time.Time) V {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[key]
	if e == nil {
		e = t.add(key)
	}
	if now.After(e.used) { // the clocks of two requests may be read in another order
		e.used = now
	}
	return e.value
}

// add adds a key, in place of another one when the table is full. The lock is held.
func (t *table[K, V]) add(key K) *entry[K, V] {
	e := &entry[K, V]{key: key, value: t.value()}
	t.entries[key] = e
	if len(t.all) < t.max {
		t.all = append(t.all, e)
		return e
	}
	at, other := rand.IntN(len(t.all)), rand.IntN(len(t.all))
	if t.all[other].used.Before(t.all[at].used) {
		at = other
	}
	delete(t.entries, t.all[at].key)
	t.all[at] = e
	return e
}

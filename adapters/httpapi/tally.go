package httpapi

import "sync/atomic"

// tally counts by a fixed set of names. It is safe for concurrent use.
type tally[K ~string] map[K]*atomic.Int64

func newTally[K ~string](names ...K) tally[K] {
	t := make(tally[K], len(names))
	for _, name := range names {
		t[name] = new(atomic.Int64)
	}
	return t
}

// add counts one for name. It reports false, and counts nothing, when name is not in the
// set.
func (t tally[K]) add(name K) bool {
	n := t[name]
	if n != nil {
		n.Add(1)
	}
	return n != nil
}

// counts returns the counts, those that are zero included.
func (t tally[K]) counts() map[string]int64 {
	counts := make(map[string]int64, len(t))
	for name, n := range t {
		counts[string(name)] = n.Load()
	}
	return counts
}

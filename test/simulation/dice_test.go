package simulation_test

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// dice decides what happens, by the seed, the moment and who asks. It has no state, so that
// the order in which goroutines ask does not matter.
type dice uint64

// at returns the random numbers of one question at a moment.
func (d dice) at(now time.Time, who ...string) *rand.Rand {
	h := fnv.New64a()
	var number [8]byte
	write := func(n uint64) {
		binary.LittleEndian.PutUint64(number[:], n)
		_, _ = h.Write(number[:])
	}
	write(uint64(d))
	write(uint64(now.UnixNano()))
	for _, w := range who {
		_, _ = h.Write([]byte(w))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(h.Sum64(), uint64(d)))
}

// between returns a duration from low to high.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// chance reports true for one of n.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

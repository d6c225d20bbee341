package engine

import (
	"crypto/md5" //nolint:gosec // Flagsmith defines its buckets by MD5; no secret depends on it.
	"encoding/binary"
	"math/bits"
)

// split divides identities over the variants of a feature state.
type split struct {
	key      string // the feature state's key and a comma
	variants []variant
	named    []namedVariant // the same variants, for explanations
}

// variant takes the identities whose percentage is in [start, end).
type variant struct {
	start, end float64
	outcome    OutcomeID
}

// namedVariant is what the document says about a variant.
type namedVariant struct {
	key    string
	weight float64
}

// choose returns the outcome of the identity's variant, plain if it has none.
func (s *split) choose(e *evaluation, plain OutcomeID) OutcomeID {
	if i := s.find(e); i >= 0 {
		return s.variants[i].outcome
	}
	return plain
}

// find returns the index of the identity's variant, -1 if it has none.
func (s *split) find(e *evaluation) int {
	e.hash = append(append(e.hash[:0], s.key...), e.key...)
	percentage := percentage(&e.hash)
	for i := range s.variants {
		if v := &s.variants[i]; v.start <= percentage && percentage < v.end {
			return i
		}
	}
	return -1
}

// percentage maps a comma-separated list of ids to [0, 100) (docs/spec/behaviour.md#hash). It may append to the list; the caller may use the buffer again.
func percentage(list *[]byte) float64 {
	once := len(*list)
	for {
		sum := md5.Sum(*list) //nolint:gosec // see the import
		high, low := binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:])
		if p := float64(bits.Rem64(high, low, 9999)) / 9998 * 100; p != 100 {
			return p
		}
		*list = append(append(*list, ','), (*list)[:once]...)
	}
}

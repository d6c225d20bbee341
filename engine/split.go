package engine

import (
	"crypto/md5" //nolint:gosec // Flagsmith's bucketing is defined by MD5; nothing is kept secret with it.
	"encoding/binary"
	"math/bits"
)

// split divides identities over the variants of a feature state.
type split struct {
	key      string // the feature state's, with a comma behind
	variants []variant
	told     []toldVariant // of the variants, what evaluation does not need
}

// variant takes the identities whose percentage is in [start, end).
type variant struct {
	start, end float64
	outcome    OutcomeID
}

// toldVariant is a variant as the document has it.
type toldVariant struct {
	key    string
	weight float64
}

// choose returns the outcome of the variant that the identity falls to, or plain.
func (s *split) choose(e *evaluation, plain OutcomeID) OutcomeID {
	if i := s.find(e); i >= 0 {
		return s.variants[i].outcome
	}
	return plain
}

// find returns the index of the variant that the identity falls to, or -1.
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

// percentage maps a comma-joined list of ids to [0, 100) (docs/spec/behaviour.md#hash).
// The buffer is the caller's to use again.
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

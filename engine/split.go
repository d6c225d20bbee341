package engine

import (
	"crypto/md5" //nolint:gosec // Flagsmith defines its buckets by MD5; no secret depends on it.
	"encoding/binary"
	"math/bits"
)

// split divides identities over the options of a feature state.
type split struct {
	key     string // the feature state's key and a comma
	options []option
	control OutcomeID // of the identities without an option
}

// option takes the identities whose percentage is in [start, end).
type option struct {
	start, end float64
	outcome    OutcomeID
}

// choose returns the outcome of the identity.
func (s *split) choose(e *evaluation) OutcomeID {
	e.hash = append(append(e.hash[:0], s.key...), e.key...)
	percentage := percentage(&e.hash)
	for i := range s.options {
		if o := &s.options[i]; o.start <= percentage && percentage < o.end {
			return o.outcome
		}
	}
	return s.control
}

// percentage maps a comma-separated list of ids to [0, 100) (docs/spec/behaviour.md#hash).
// It may append to the list; the caller may use the buffer again.
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

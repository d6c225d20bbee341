package domain

import "time"

// Verdict says what becomes of a document that upstream or a store offers.
type Verdict uint8

const (
	// Confirm: it is the held document.
	Confirm Verdict = iota
	// Replace: it takes the held one's place.
	Replace
	// Refuse: it is older than the held one, which stays.
	Refuse
	// WentBack: it is older, and upstream has insisted on it; it takes the held
	// one's place, with a warning.
	WentBack
)

// insistence is how many unconditional answers in a row must be older than the
// held document before upstream is believed to have gone back, as after the
// restore of a database (docs/spec/upstream.md#succession).
const insistence = 3

// Succession decides which document follows which, so that an older document
// never replaces a newer one by a race: not from a slow page, a late node, a
// store or a stream. The zero value is ready. It is not safe for concurrent use.
type Succession struct{ older int }

// FromUpstream judges an answer of upstream. The same is whether its body is the
// held document's, byte for byte; the times are the documents' updated_at, zero
// where a document has none. A document without a time cannot be older.
func (s *Succession) FromUpstream(held, offered time.Time, same, unconditional bool) Verdict {
	switch {
	case same:
		s.older = 0
		return Confirm
	case !older(offered, held):
		s.older = 0
		return Replace
	case !unconditional:
		return Refuse
	}
	if s.older++; s.older < insistence {
		return Refuse
	}
	s.older = 0
	return WentBack
}

// Dated is when a document was made and when upstream last confirmed it.
type Dated struct{ UpdatedAt, CheckedAt time.Time }

// FromStore judges a record that another node wrote or an earlier run left. stored
// says that the store had the held document, and has the offered one in its place.
//
// An older document is believed when it replaced the held one after upstream had
// confirmed that: whoever replaces a record knows it, and so saw upstream go back.
// A held document that the store never had proves nothing of the kind. It comes from
// a fetch that was asked for earlier and answered later than that of another node.
func (s *Succession) FromStore(held, offered Dated, same, stored bool) Verdict {
	switch {
	case same:
		return Confirm
	case !older(offered.UpdatedAt, held.UpdatedAt):
		return Replace
	case stored && offered.CheckedAt.After(held.CheckedAt):
		return WentBack
	default:
		return Refuse
	}
}

func older(a, b time.Time) bool { return !a.IsZero() && !b.IsZero() && a.Before(b) }

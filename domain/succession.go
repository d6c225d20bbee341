package domain

import "time"

// Verdict says what happens to a document that upstream or a store offers.
type Verdict uint8

const (
	// Confirm means that it is the held document.
	Confirm Verdict = iota
	// Replace means that it replaces the held one.
	Replace
	// Refuse means that it is older than the held one, which stays.
	Refuse
	// WentBack means that it is older but that upstream insists on it: it replaces the
	// held one, with a warning.
	WentBack
)

// insistence is how many unconditional answers in a row must be older than the held
// document until Succession believes that upstream went back, as it does after the
// restore of a database (docs/spec/upstream.md#succession).
const insistence = 3

// Succession decides whether a document may replace the held one. With it, a race with a
// slow page, a late node, a store or a stream never replaces a newer document by an
// older one. The zero value is ready. It is not safe for concurrent use.
type Succession struct{ older int }

// FromUpstream judges an answer of upstream. same says that its body is the held
// document's, byte for byte. The times are the updated_at of the documents, zero for a
// document without one. A document without a time is never older.
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

// Dated holds when a document was made and when upstream last confirmed it.
type Dated struct{ UpdatedAt, CheckedAt time.Time }

// FromStore judges a record that another node or an earlier run wrote. stored says that
// the store had the held document before it had the offered one.
//
// FromStore accepts an older document only if it replaced the held one in the store
// after upstream had confirmed the held one. The node that replaced the record had read
// it, so that it saw upstream go back. If the store never had the held document, then
// the held one may come from a fetch that overlapped with that of another node.
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

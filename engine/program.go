// Package engine evaluates environment documents.
//
// Compile turns a document into an immutable Program once per change: operators
// are resolved, values cast for every type they can meet, regular expressions,
// versions, lists and JSONPaths parsed, overrides ranked. Evaluating a Program
// parses nothing of the document and allocates next to nothing. What comes out
// is a number per feature, an OutcomeID, for which adapters prepare what they
// answer; how an answer looks is not known here.
//
// The rules are those of the specification (docs/spec/behaviour.md#evaluation), which are the
// Python flag engine's; engine/python/number and engine/python/regex hold the parts of Python
// that they rest on.
package engine

import "sync"

// Program is a compiled environment document. It is immutable, safe for
// concurrent use, and keeps nothing of the document alive.
type Program struct {
	environmentKey string

	features []state        // the environment's own feature states, in document order
	byName   map[string]int // index into features
	outcomes []Outcome
	flags    []OutcomeID // without an identity

	slots    map[string]int32 // slot of each property that a condition asks for
	paths    []pathSlot       // those of the slots that are JSONPaths
	nslots   int
	segments []segment
	index    index
	states   []state // of all overrides, by rank: the lower one wins

	identities map[string]span // overrides by identifier
	overrides  []identityOverride

	scratch sync.Pool // *evaluation

	// What explanations need and evaluations do not.
	segmentNames []SegmentName // by index into segments
	targeted     []bool        // by feature: it can come out in more than one way
}

// state is a compiled feature state: an outcome, or a split over several.
type state struct {
	outcome OutcomeID
	segment int32 // of an override: index into Program.segments
	split   *split
}

// segment is a compiled segment that overrides something.
type segment struct {
	rules     []rule
	overrides []override
}

// override points from a segment to a state, which is at the same place in
// Program.states as its rank among all overrides.
type override struct {
	feature int32
	rank    uint32
}

// identityOverride is one feature's outcome for one identity.
type identityOverride struct {
	feature int32
	outcome OutcomeID
}

// span is a range of Program.overrides.
type span struct{ start, end uint32 }

// Outcomes returns all that features can come out as, by OutcomeID. Read-only.
func (p *Program) Outcomes() []Outcome { return p.outcomes }

// Len returns the number of features.
func (p *Program) Len() int { return len(p.features) }

// Feature returns the index of the feature called name, in document order, from 0.
func (p *Program) Feature(name string) (int, bool) {
	i, ok := p.byName[name]
	return i, ok
}

// Flags returns how every feature comes out without an identity, in document
// order. Read-only.
func (p *Program) Flags() []OutcomeID { return p.flags }

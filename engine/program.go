// Package engine evaluates environment documents.
//
// Compile turns a document into an immutable Program once per change. It resolves
// operators, casts values to every type that they can meet, parses regular
// expressions, versions, lists and JSONPaths, and ranks overrides. Evaluating a
// Program parses nothing of the document and allocates next to nothing. The result
// is a number per feature, an OutcomeID. Adapters prepare what they answer for each
// OutcomeID; the engine does not know what an answer looks like.
//
// The rules are those of the Python flag engine (docs/spec/behaviour.md#evaluation). The packages
// below engine/python hold the parts of Python that these rules need.
package engine

import "sync"

// Program is a compiled environment document. It is immutable and safe for
// concurrent use, and it does not keep the document in memory.
type Program struct {
	environmentKey string

	features []state        // the environment's own feature states, in document order
	byName   map[string]int // index into features
	outcomes []Outcome
	flags    []OutcomeID // without an identity

	slots    map[string]int32 // slot of each property that a condition asks for
	paths    []pathSlot       // the slots that are JSONPaths
	nslots   int
	segments []segment
	index    index
	states   []state // of all overrides, by rank: the lower one wins

	identities map[string]span // overrides by identifier
	overrides  []identityOverride

	dependencies *dependencies // nil: no condition reads a flag

	scratch sync.Pool // *evaluation
	cutOffs cutOffs
}

// state is a compiled feature state.
type state struct {
	outcome OutcomeID // for everybody or, with a split, without an identity
	split   *split    // nil: it has no options
}

// segment is a compiled segment that overrides something or reads flags.
type segment struct {
	rules     []rule
	overrides []override
	reads     bool // a condition reads a flag
}

// override points from a segment to a state. The rank of an override among all
// overrides is the index of its state in Program.states.
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

// Outcomes returns every possible outcome, by OutcomeID. The slice is read-only.
func (p *Program) Outcomes() []Outcome { return p.outcomes }

// Len returns the number of features.
func (p *Program) Len() int { return len(p.features) }

// Feature returns the index of the feature called name, in document order, from 0.
// It reports false when there is no such feature.
func (p *Program) Feature(name string) (int, bool) {
	i, ok := p.byName[name]
	return i, ok
}

// Flags returns the outcome of every feature without an identity, in document order.
// The slice is read-only.
func (p *Program) Flags() []OutcomeID { return p.flags }

// Name returns the name of the feature with that number.
func (p *Program) Name(feature int) string {
	return p.outcomes[p.features[feature].outcome].Feature.Name
}

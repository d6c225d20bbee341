package engine

import "github.com/edge-proxy/edge-proxy/domain"

// Explanation says how the flags of one identity came about. The caller owns it.
type Explanation struct {
	// Outcomes has the outcome of every feature, by its number: what Evaluate returns.
	Outcomes []OutcomeID
	// Features are the explained features, in the order in which they were asked for.
	Features []FeatureTrace
	// Incomplete reports that the budget of the explanation was used up: the conditions
	// that are left were not looked at. Outcomes is complete nevertheless.
	Incomplete bool
}

// FeatureTrace says how the outcome of one feature came about. The first of its overrides that
// applies wins: that of the identity, then the segments' in their order, and at last
// the feature's own state.
type FeatureTrace struct {
	Feature  int       // its number
	Outcome  OutcomeID // of all the parts below
	Identity *Outcome  // the identity's own override; nil: it has none
	// Segments has each segment that overrides the feature, the strongest first.
	Segments []SegmentTrace
	Default  StateTrace // the feature's own state
}

// SegmentTrace says whether a segment's override applies.
type SegmentTrace struct {
	Segment SegmentName
	// Priority ranks the override: a number, of which the lowest wins, or null, which
	// comes last.
	Priority domain.Value
	Rules    []RuleTrace // all must hold; a segment without rules matches nobody
	// Matches reports whether the identity is in the segment, for evaluation.
	Matches bool
	// Against says why evaluation found something else than the rules show.
	Against Against
	// Applies reports whether evaluation took the feature's state from this segment.
	// The override of an identity still wins over it.
	Applies bool
	State   StateTrace
}

// Against is a reason for which a segment does not match whatever its rules show.
type Against uint8

// The reasons.
const (
	Nothing Against = iota
	// Cycle means that the segment reads a flag that depends on itself. Such a segment
	// does not match.
	Cycle
	// Budget means that the budget of the evaluation was used up before the segment was
	// evaluated, or that of the explanation before it was explained.
	Budget
)

// StateTrace is a feature state with what it gives to the identity.
type StateTrace struct {
	Outcome *Outcome    // without its options
	Split   *SplitTrace // nil: it has no options, or there is no identity
}

// SplitTrace says how a feature state divides identities over its options.
type SplitTrace struct {
	Key        string  // the text whose hash is Percentage: the feature state's key, a comma and the identity key
	Percentage float64 // of the identity, in [0, 100)
	Options    []OptionTrace
	Control    *Outcome // of the identities that have no option
}

// OptionTrace is an option. It takes the identities whose percentage is in [Start, End).
type OptionTrace struct {
	Outcome    *Outcome
	Start, End float64
	Chosen     bool // it is this identity's
}

// RuleTrace is a rule with the result of every part of it. Conditions and Rules each
// combine by the rule's type, and both results must hold; an empty list holds.
type RuleTrace struct {
	Type       domain.RuleType
	Holds      bool
	Conditions []ConditionTrace
	Rules      []RuleTrace
}

// ConditionTrace is a condition with the value that it was asked about.
type ConditionTrace struct {
	Condition *domain.Condition // part of the document; read-only
	Holds     bool
	// Seen is the value that the condition saw, converted as the operators see it; null
	// without a value.
	Seen domain.Value
	// SeenAs is the type of Seen.
	SeenAs ValueType
	// Percentage is that of the identity in the segment, in [0, 100); nil: the operator is
	// not PERCENTAGE_SPLIT, or the value was missing.
	Percentage *float64
	// CutOff reports that the condition used up the budget, or was not looked at
	// because others had. It does not hold then.
	CutOff bool
	// Decisive marks the condition that first made the segment not match.
	Decisive bool
}

// ValueType is the type of a value for the operators.
type ValueType string

// The types of values. A text that is a number becomes that number.
const (
	NoValue ValueType = ""
	Boolean ValueType = "boolean"
	Integer ValueType = "integer"
	Float   ValueType = "float"
	Text    ValueType = "string"
)

package engine

import (
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
	pytext "github.com/edge-proxy/edge-proxy/engine/python/text"
)

// OutcomeID is the number of an outcome. A Program numbers its outcomes from 0
// without gaps.
type OutcomeID uint32

// Outcome is one possible result of evaluating a feature, with its reason. Adapters
// prepare an answer for each Outcome of a Program. A document has one for each of its
// overrides, so what several of them have in common is shared. It is read-only.
type Outcome struct {
	// Feature has the id and the name of the winning feature state. Its type is the
	// one that the environment's own feature states give to that id, STANDARD if they
	// give none (docs/spec/behaviour.md#flags).
	Feature *domain.Feature
	// Segment is the segment whose feature state won, nil for other sources.
	Segment *SegmentName
	// Choice is what the options of the winning feature state have to do with it, nil
	// if that has none.
	Choice *Choice
	Value  domain.Value
	// Metadata is the text of the winning feature state's metadata, a JSON object, or
	// "".
	Metadata string
	// Reason says why this is the result, and Source which feature state won.
	Reason  Reason
	Source  Source
	Enabled bool
	// Hidden means that client-side keys do not see it: the feature is server-key-only,
	// or it is disabled and the environment hides disabled flags.
	Hidden bool
}

// Choice says which option of a feature state an outcome is.
type Choice struct {
	// Number is that of the option that an identity got, from 1 in the order in which
	// the options divide the percentages; 0: it got none, or there is no identity.
	Number int
	// Weight is the option's percentage. It is null if Number is 0.
	Weight domain.Value
	// Variant is the key of the option, which is null for an option without a key. It is
	// "control" if an identity got no option, and null without an identity.
	Variant domain.Value
}

// Variant returns the key of the option that an identity got, see Choice. It is null for
// a feature state without options and for one that belongs to an identity.
func (o *Outcome) Variant() domain.Value {
	if o.Choice == nil {
		return domain.Value{}
	}
	return o.Choice.Variant
}

// Reason says why a feature has its outcome.
type Reason uint8

// The reasons.
const (
	// Static means that no override exists: everybody gets the environment's own
	// feature state.
	Static Reason = iota
	// Default means that overrides exist, but none applies.
	Default
	// TargetingMatch means that the override of a segment or an identity applies.
	TargetingMatch
	// Split means that the identity got an option.
	Split
	// Circular means that the feature depends on itself. Its outcome is the one that
	// needs no flag of the cycle.
	Circular
	// Override means that an operator has set the feature for everybody, for a time.
	Override
)

// Source says which feature state an outcome comes from.
type Source uint8

// The sources, from the weakest to the strongest.
const (
	FromEnvironment Source = iota // the environment's own feature state
	FromSegment                   // a segment's override
	FromIdentity                  // the identity's own override
)

// SegmentName holds what the document calls a segment.
type SegmentName struct{ ID, Name string }

// AppendReason appends the reason in the words of Flagsmith's flag engine.
func (o *Outcome) AppendReason(dst []byte) []byte {
	switch o.Reason {
	case Static:
		return append(dst, "STATIC"...)
	case Default:
		return append(dst, "DEFAULT"...)
	case TargetingMatch:
		dst = append(dst, "TARGETING_MATCH; segment="...)
		if o.Source == FromIdentity {
			return append(dst, "identity_overrides"...)
		}
		return append(dst, o.Segment.Name...)
	case Override:
		return append(dst, "OVERRIDE"...)
	case Split:
		return pytext.AppendStr(append(dst, "SPLIT; weight="...), jsonpath.Node(o.Choice.Weight))
	default:
		return append(dst, "ERROR; code=CIRCULAR_DEPENDENCY"...)
	}
}

package domain

import (
	"cmp"
	"time"
)

// Environment is a parsed environment document with everything that evaluation and
// its answers need. ParseEnvironment makes it; it is read-only afterwards.
type Environment struct {
	APIKey    string    // the client-side key as the document states it, part of every identity key
	Name      string    // the environment's name
	Project   string    // the project's name; "" when the document states none
	UpdatedAt time.Time // zero when the document states none
	// HideDisabledFlags hides disabled flags from client-side keys. It is the
	// environment's own setting or, without one, the project's.
	HideDisabledFlags bool
	Serving           Serving
	// ServerKeyOnly lists the ids of the features that client-side keys never see.
	ServerKeyOnly     []int64
	Segments          []Segment
	FeatureStates     []FeatureState
	IdentityOverrides []IdentityOverride
}

// Serving holds what an environment document says about serving its flags.
type Serving struct {
	// Stopped forbids to serve flags: the organisation is disabled.
	Stopped bool
	// IgnoreClientTraits says that the traits of a request with a client-side key do not
	// apply: the document's allow_client_traits is false.
	IgnoreClientTraits bool
	// HideTraits leaves traits out of answers: the document's hide_sensitive_data is true.
	HideTraits bool
}

// Feature identifies a feature.
type Feature struct {
	ID   int64
	Name string
	Type string // such as STANDARD or MULTIVARIATE; "" when the document states none
}

// FeatureState is the state of a feature in an environment, for a segment or for an
// identity.
type FeatureState struct {
	Feature Feature
	Enabled bool
	Value   Value
	// Key goes into the hash that splits identities over Variants: the
	// django_id or else the featurestate_uuid.
	Key string
	// Priority ranks segment overrides. It is a number, of which the lowest wins, or
	// null, which means +∞.
	Priority Value
	Variants []Variant // in document order
	// Metadata is the text of a JSON object with at least one member, as the document
	// has it, or "". Identity overrides have none.
	Metadata string
	// ByOperator says that an operator has set the state for a time, see WithOverrides.
	ByOperator bool
}

// Variant is one multivariate option of a feature state.
type Variant struct {
	// Key is the option's name, a text or null.
	Key    Value
	Value  Value
	Weight Value // percentage allocation: a number, 0 to 100
	Order  VariantOrder
}

// VariantOrder sorts the variants of a feature state: the number of its id, or
// of its uuid as a 128-bit integer.
type VariantOrder struct{ High, Low uint64 }

// Compare returns -1, 0 or +1 as o sorts before, with or after p.
func (o VariantOrder) Compare(p VariantOrder) int {
	return cmp.Or(cmp.Compare(o.High, p.High), cmp.Compare(o.Low, p.Low))
}

// Segment is a set of identities, described by rules, and the feature states that
// apply to them.
type Segment struct {
	ID        string // as text; part of the hash of percentage splits
	Name      string
	Position  int // in the document's project.segments, from 0
	Rules     []Rule
	Overrides []FeatureState
}

// RuleType says how a rule's conditions, and separately its sub-rules, combine.
type RuleType string

// The rule types.
const (
	All  RuleType = "ALL"
	Any  RuleType = "ANY"
	None RuleType = "NONE"
)

// Rule is a node of a segment's rules.
type Rule struct {
	Type       RuleType
	Conditions []Condition
	Rules      []Rule
}

// Condition compares one property of the evaluation context with a value. A malformed
// condition has an empty Operator and never holds.
type Condition struct {
	Operator string
	Property string // trait key or JSONPath
	Value    Value
}

// IdentityOverride holds the feature states of one identity.
type IdentityOverride struct {
	Identifier string
	Features   []FeatureState
}

package inspect

import (
	"encoding/json"
	"time"
)

// Explanation says how flags came about.
type Explanation struct {
	// Environment is the client-side key that the document states.
	Environment string   `json:"environment"`
	Document    Document `json:"document"`
	// Notes are sentences about the whole environment that matter for the answer.
	Notes []string `json:"notes,omitempty"`
	// Incomplete reports that the budget for one explanation was used up: conditions
	// with cut_off were not looked at. The values of flags are right nevertheless.
	Incomplete bool   `json:"incomplete,omitempty"`
	Flags      []Flag `json:"flags"`
}

// Document says which document an explanation is about.
type Document struct {
	UpdatedAt time.Time `json:"updated_at,omitzero"` // as the document states it
	SHA256    string    `json:"sha256"`
}

// Flag is one flag with the steps that lead to it.
type Flag struct {
	Feature string          `json:"feature"`
	Enabled bool            `json:"enabled"`
	Value   json.RawMessage `json:"value"`
	Variant json.RawMessage `json:"variant"` // a text or null
	Reason  string          `json:"reason"`
	// Hidden reports that requests with the client-side key do not get the flag.
	Hidden bool `json:"hidden,omitempty"`
	// Steps are the feature states that could apply, the strongest first. The first one
	// that applies is the flag.
	Steps []Step `json:"steps"`
	// Dependencies are the flags that conditions of the segments read.
	Dependencies []Dependency `json:"dependencies,omitempty"`
}

// The kinds of steps.
const (
	StepIdentity    = "identity_override"
	StepSegment     = "segment"
	StepEnvironment = "environment"
)

// Step is a feature state that could apply.
type Step struct {
	Kind    string `json:"step"`
	Applies bool   `json:"applies"`
	// Segment, Priority, Matches, Against and Rules are those of a segment. Priority is
	// a number, the lowest first, or null.
	Segment  *Segment        `json:"segment,omitempty"`
	Priority json.RawMessage `json:"priority,omitempty"`
	Matches  bool            `json:"matches,omitempty"`
	// Against says why the segment does not match although its rules hold: "cycle", it
	// reads a flag that depends on itself; or "budget", evaluation used up its budget.
	Against string `json:"against,omitempty"`
	Rules   []Rule `json:"rules,omitempty"`
	// Omitted reports that Rules are left out, because the explanation has enough of
	// them. An explanation of fewer features has them.
	Omitted bool `json:"rules_omitted,omitempty"`
	// State is the feature state; nil: the identity has no override.
	State *State `json:"state,omitempty"`
}

// Segment names a segment.
type Segment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// State is a feature state.
type State struct {
	Enabled bool            `json:"enabled"`
	Value   json.RawMessage `json:"value"` // without the options
	Split   *Split          `json:"split,omitempty"`
}

// Split says how a feature state divides identities over options.
type Split struct {
	// Hashed is the text whose hash gives the percentage of the identity, 0 to 100.
	Hashed     string   `json:"hashed"`
	Percentage float64  `json:"percentage"`
	Options    []Option `json:"options"`
}

// Option is an option of a split, for the identities whose percentage is at least From
// and below To.
type Option struct {
	Variant json.RawMessage `json:"variant"`
	Value   json.RawMessage `json:"value"`
	From    float64         `json:"from"`
	To      float64         `json:"to"`
	Chosen  bool            `json:"chosen"`
}

// Rule is a rule with the result of each of its parts.
type Rule struct {
	Type       string      `json:"type"` // ALL, ANY, NONE; "" for an unknown one, which never holds
	Holds      bool        `json:"holds"`
	Conditions []Condition `json:"conditions"`
	Rules      []Rule      `json:"rules"`
}

// Condition is a condition with the value that it was asked about.
type Condition struct {
	Property string          `json:"property"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
	// Seen is the value of the property as operators see it, null if there was none, and
	// SeenAs its type: boolean, integer, float or string.
	Seen   json.RawMessage `json:"seen"`
	SeenAs string          `json:"seen_as,omitempty"`
	// Percentage is that of the identity in the segment, for PERCENTAGE_SPLIT.
	Percentage *float64 `json:"percentage,omitempty"`
	Holds      bool     `json:"holds"`
	// Decisive marks the first condition because of which the segment does not match.
	Decisive bool `json:"decisive,omitempty"`
	// CutOff reports that the condition does not hold because the budget was used up.
	CutOff bool `json:"cut_off,omitempty"`
}

// Dependency is a flag that a condition reads, with those that it depends on itself.
type Dependency struct {
	Feature string          `json:"feature"`
	Enabled bool            `json:"enabled"`
	Value   json.RawMessage `json:"value"`
	Variant json.RawMessage `json:"variant"`
	Reason  string          `json:"reason"`
	// Repeated reports that the flag is further up or earlier in the list, which has its
	// dependencies.
	Repeated     bool         `json:"repeated,omitempty"`
	Dependencies []Dependency `json:"dependencies,omitempty"`
}

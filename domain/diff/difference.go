package diff

import (
	"encoding/json"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Difference is what distinguishes one document, the former, from another, the next. Its JSON is
// part of what edge-proxy diff --json prints. All lists are sorted.
type Difference struct {
	// Settings are the settings of the environment that are not the same.
	Settings []Change `json:"settings"`
	Features Features `json:"features"`
	Segments Segments `json:"segments"`
	// Identities counts identities by their overrides. It does not name them.
	Identities Count `json:"identity_overrides"`
}

// Features are the features that are not the same, by name.
type Features struct {
	Added   []string  `json:"added"`
	Removed []string  `json:"removed"`
	Changed []Feature `json:"changed"`
}

// Feature is a feature whose own state changed.
type Feature struct {
	Name    string   `json:"feature"`
	Changes []Change `json:"changes"`
}

// Segments are the segments that are not the same.
type Segments struct {
	Added   []SegmentName `json:"added"`
	Removed []SegmentName `json:"removed"`
	Changed []Segment     `json:"changed"`
}

// SegmentName holds what a document calls a segment. The id says which segment it is.
type SegmentName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Segment is a segment that changed, under its next name.
type Segment struct {
	SegmentName
	Changes []Change `json:"changes"`
	// Rules is how its rules changed; nil: they are the same.
	Rules *Rules `json:"rules,omitempty"`
}

// Rules are the rules of a segment that only one of the documents has. Of two rules that
// are alike but for some parts, only these parts are here.
type Rules struct {
	Removed []Rule `json:"removed"`
	Added   []Rule `json:"added"`
}

// Change is a field that is not the same. Before and After are JSON values, null for a
// field that is not there.
type Change struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Count counts parts that are not the same.
type Count struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
}

// Empty reports whether the documents have the same meaning.
func (d *Difference) Empty() bool {
	return len(d.Settings) == 0 && d.Identities == Count{} &&
		len(d.Features.Added)+len(d.Features.Removed)+len(d.Features.Changed) == 0 &&
		len(d.Segments.Added)+len(d.Segments.Removed)+len(d.Segments.Changed) == 0
}

// Compare returns the difference between two documents. It changes neither.
//
// The documents may be of two environments, which have other names and client-side keys, and
// other keys for their splits. These are then not differences.
func Compare(former, next *domain.Environment) *Difference {
	c := comparison{sameEnvironment: former.APIKey == next.APIKey}
	d := &Difference{Settings: c.settings(former, next), Identities: c.identities(former, next)}
	c.features(&d.Features, former.FeatureStates, next.FeatureStates)
	c.segments(&d.Segments, former.Segments, next.Segments)
	return d
}

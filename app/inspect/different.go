package inspect

import (
	"bytes"
	"slices"
)

// DifferentFlag is a flag that is not the same in another document.
type DifferentFlag struct {
	Feature string `json:"feature"`
	// Here and There are the flag in the two documents, nil in one that lacks it.
	Here  *Flag `json:"here"`
	There *Flag `json:"there"`
}

// ExplainBoth explains flags of a document, and those of another one that have another
// state, value or variant there. Errors are those of Explain; a feature is unknown if
// both documents lack it.
func ExplainBoth(here, there Source, q Question) (*Explanation, []DifferentFlag, error) {
	e, missing, err := explain(here, q)
	if err != nil {
		return nil, nil, err
	}
	other, alsoMissing, err := explain(there, q)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range missing {
		if slices.ContainsFunc(alsoMissing, func(a *UnknownFeatureError) bool { return a.Feature == m.Feature }) {
			return nil, nil, here.about(m)
		}
	}
	return e, differentFlags(e.Flags, other.Flags), nil
}

func differentFlags(here, there []Flag) []DifferentFlag {
	others := make(map[string]*Flag, len(there))
	for i := range there {
		others[there[i].Feature] = &there[i]
	}
	different := []DifferentFlag{}
	for i := range here {
		other := others[here[i].Feature]
		if other == nil || !here[i].same(other) {
			different = append(different, DifferentFlag{here[i].Feature, &here[i], other})
		}
		delete(others, here[i].Feature)
	}
	for i := range there {
		if others[there[i].Feature] != nil {
			different = append(different, DifferentFlag{there[i].Feature, nil, &there[i]})
		}
	}
	return different
}

func (f *Flag) same(other *Flag) bool {
	return f.Enabled == other.Enabled && bytes.Equal(f.Value, other.Value) && bytes.Equal(f.Variant, other.Variant)
}

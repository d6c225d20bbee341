package domain

import "fmt"

// ChangeLimits bound how much of a document may go away in one change before the change
// is suspicious: a mistake in Flagsmith, or a document that is damaged and still valid.
type ChangeLimits struct {
	// MaxRemoved is how many percent of the features, of the segments or of the identities
	// with overrides a change may remove.
	MaxRemoved int
	// MaxTurnedOff is how many percent of the features that were on a change may turn off.
	MaxTurnedOff int
	// MinFeatures is how many features a document needs for its changes to be judged.
	MinFeatures int
}

// Exceeded returns what a change from former to next takes away beyond the limits, as
// phrases such as "12 of 20 features removed"; none for a change within them. The loss of
// a single feature, segment or override is within every limit. Of features with one name
// the last applies, as in evaluation.
func (l ChangeLimits) Exceeded(former, next *Environment) []string {
	before, after := enabledByName(former.FeatureStates), enabledByName(next.FeatureStates)
	if len(before) < l.MinFeatures {
		return nil
	}
	var found []string
	judge := func(lost, all, percent int, what string) {
		if lost > 1 && 100*lost > percent*all {
			found = append(found, fmt.Sprintf("%d of %d %s", lost, all, what))
		}
	}
	removed, on, off := 0, 0, 0
	for name, enabled := range before {
		stillOn, kept := after[name]
		if !kept {
			removed++
		}
		if enabled {
			on++
			if kept && !stillOn {
				off++
			}
		}
	}
	judge(removed, len(before), l.MaxRemoved, "features removed")
	judge(off, on, l.MaxTurnedOff, "features that were on turned off")
	lost, all := missingOf(former.Segments, next.Segments, func(s *Segment) string { return s.ID })
	judge(lost, all, l.MaxRemoved, "segments removed")
	lost, all = missingOf(former.IdentityOverrides, next.IdentityOverrides, func(o *IdentityOverride) string { return o.Identifier })
	judge(lost, all, l.MaxRemoved, "identities' overrides removed")
	return found
}

func enabledByName(states []FeatureState) map[string]bool {
	enabled := make(map[string]bool, len(states))
	for i := range states {
		enabled[states[i].Feature.Name] = states[i].Enabled
	}
	return enabled
}

// missingOf returns how many names of before are not among those of after, and how many
// names before has.
func missingOf[T any](before, after []T, name func(*T) string) (missing, all int) {
	kept := make(map[string]bool, len(after))
	for i := range after {
		kept[name(&after[i])] = true
	}
	seen := make(map[string]bool, len(before))
	for i := range before {
		n := name(&before[i])
		if !seen[n] && !kept[n] {
			missing++
		}
		seen[n] = true
	}
	return missing, len(seen)
}

package domain_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

// sized is a document with these numbers of features, of which the first are on, of
// segments and of identities with overrides.
func sized(features, on, segments, identities int) *domain.Environment {
	e := &domain.Environment{}
	for i := range features {
		e.FeatureStates = append(e.FeatureStates, domain.FeatureState{Feature: domain.Feature{Name: fmt.Sprint("f", i)}, Enabled: i < on})
	}
	for i := range segments {
		e.Segments = append(e.Segments, domain.Segment{ID: fmt.Sprint(i)})
	}
	for i := range identities {
		e.IdentityOverrides = append(e.IdentityOverrides, domain.IdentityOverride{Identifier: fmt.Sprint("i", i)})
	}
	return e
}

func TestChangeLimits(t *testing.T) {
	standard := domain.ChangeLimits{MaxRemoved: 50, MaxTurnedOff: 50, MinFeatures: 10}
	full := sized(20, 8, 6, 10)
	renamed := sized(20, 8, 6, 10)
	for i := range renamed.FeatureStates {
		renamed.FeatureStates[i].Feature.Name += "-other"
	}
	for _, tt := range []struct {
		name         string
		limits       domain.ChangeLimits
		former, next *domain.Environment
		want         []string
	}{
		{"the same", standard, full, full, nil},
		{"half of everything", standard, full, sized(10, 4, 3, 5), nil},
		{"more than half of the features", standard, full, sized(9, 8, 6, 10), []string{"11 of 20 features removed"}},
		{"other features in their place", standard, full, renamed, []string{"20 of 20 features removed"}},
		{"more than half of the segments", standard, full, sized(20, 8, 2, 10), []string{"4 of 6 segments removed"}},
		{"more than half of the overrides", standard, full, sized(20, 8, 6, 4), []string{"6 of 10 identities' overrides removed"}},
		{"half of what was on is off", standard, full, sized(20, 4, 6, 10), nil},
		{"more than half of what was on is off", standard, full, sized(20, 3, 6, 10), []string{"5 of 8 features that were on turned off"}},
		{"nothing is left", standard, full, sized(0, 0, 0, 0), []string{"20 of 20 features removed", "6 of 6 segments removed", "10 of 10 identities' overrides removed"}},
		{"more of everything", standard, full, sized(100, 50, 50, 50), nil},
		{"a small environment loses all", standard, sized(9, 9, 9, 9), sized(0, 0, 0, 0), nil},
		{"the smallest that is judged", standard, sized(10, 0, 0, 0), sized(4, 0, 0, 0), []string{"6 of 10 features removed"}},
		{"the only segment, override and feature that was on", standard, sized(10, 1, 1, 1), sized(10, 0, 0, 0), nil},
		{"stricter limits", domain.ChangeLimits{MaxRemoved: 10, MaxTurnedOff: 0}, full, sized(17, 6, 6, 10), []string{"3 of 20 features removed", "2 of 8 features that were on turned off"}},
		{"no limit", domain.ChangeLimits{MaxRemoved: 100, MaxTurnedOff: 100}, full, sized(0, 0, 0, 0), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.limits.Exceeded(tt.former, tt.next); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

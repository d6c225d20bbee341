package app

import (
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/diff"
)

// difference returns how a document differs from the former one, whose body has been
// parsed before. Nothing is kept of a former document but its body.
func difference(former *Environment, next *domain.Environment) *diff.Difference {
	document, _, err := domain.ParseEnvironment(textOf(former.Body))
	if err != nil {
		return new(diff.Difference)
	}
	return diff.Compare(document, next)
}

// featureNames returns the names of changed features.
func featureNames(features []diff.Feature) []string {
	names := make([]string, len(features))
	for i := range features {
		names[i] = features[i].Name
	}
	return names
}

// segmentNames returns the names of the segments that were changed, added or removed.
func segmentNames(s *diff.Segments) (names []string) {
	for i := range s.Changed {
		names = append(names, s.Changed[i].Name)
	}
	for _, list := range [][]diff.SegmentName{s.Added, s.Removed} {
		for i := range list {
			names = append(names, list[i].Name)
		}
	}
	return names
}

package engine

import (
	"cmp"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Explainer explains the outcomes of one document. A Program does not keep what its
// document says, so an Explainer compiles the document for itself and keeps both. It is
// immutable and safe for concurrent use.
type Explainer struct {
	program   *Program
	compiled  []*domain.Segment      // by the number of the segment
	sources   []*domain.FeatureState // by the rank of the override
	overrides [][]segmentOverride    // by feature
}

// segmentOverride is a segment that overrides a feature.
type segmentOverride struct {
	segment *domain.Segment
	number  int32 // in Program.segments, or none for a segment without rules
	// rank is that of the segment's best override of the feature; unranked for a segment without
	// rules.
	rank uint32
	// state is that override.
	state *domain.FeatureState
}

// NewExplainer returns an explainer of a document, which must not change afterwards.
func NewExplainer(document *domain.Environment) *Explainer {
	c := compile(document)
	x := &Explainer{program: c.program, compiled: c.compiled, overrides: make([][]segmentOverride, c.program.Len())}
	for _, r := range c.ranked {
		x.sources = append(x.sources, r.source)
	}
	numbers := make(map[*domain.Segment]int32, len(c.compiled))
	for number, s := range c.compiled {
		numbers[s] = int32(number)
	}
	for _, s := range c.segmentList {
		if number, ok := numbers[s]; ok {
			x.ranked(s, number)
		} else {
			x.unranked(s)
		}
	}
	for _, list := range x.overrides {
		slices.SortStableFunc(list, func(a, b segmentOverride) int { return cmp.Compare(a.rank, b.rank) })
	}
	return x
}

// ranked adds the overrides of a segment that the program has.
func (x *Explainer) ranked(s *domain.Segment, number int32) {
	overrides := x.program.segments[number].overrides
	for i, o := range overrides {
		rank := x.program.segments[number].rankOf(int(o.feature))
		if rank != o.rank || slices.Contains(overrides[:i], o) {
			continue // another override of the segment is stronger
		}
		x.overrides[o.feature] = append(x.overrides[o.feature], segmentOverride{s, number, rank, x.sources[rank]})
	}
}

// unranked adds the overrides of a segment without rules, which the program leaves out.
func (x *Explainer) unranked(s *domain.Segment) {
	for i := range s.Overrides {
		fs := &s.Overrides[i]
		if feature, ok := x.program.Feature(fs.Feature.Name); ok {
			x.overrides[feature] = append(x.overrides[feature], segmentOverride{s, none, unranked, fs})
		}
	}
}

// Program returns the compiled document.
func (x *Explainer) Program() *Program { return x.program }

// Reads returns the features that the segments overriding a feature read, by number and
// each once: what the feature depends on.
func (x *Explainer) Reads(feature int) (features []int) {
	for _, o := range x.overrides[feature] {
		if o.number == none || !x.program.segments[o.number].reads {
			continue
		}
		for _, read := range x.program.readBy(x.program.segments[o.number].rules) {
			features = append(features, int(read))
		}
	}
	slices.Sort(features)
	return slices.Compact(features)
}

// Explain evaluates for id and explains the outcomes of features, given by number. id
// may be nil: then it explains what Flags returns. Explain does not retain id. It may
// cost twice what an evaluation may cost.
func (x *Explainer) Explain(id *domain.Identity, features []int) *Explanation {
	e := x.program.newEvaluation()
	var own []identityOverride
	if id != nil {
		span := x.program.identities[id.Identifier]
		own = x.program.overrides[span.start:span.end]
	}
	explanation := &Explanation{Outcomes: e.evaluate(make([]OutcomeID, 0, x.program.Len()), id, own)}
	t := newTracer(x, e)
	for _, feature := range features {
		explanation.Features = append(explanation.Features, t.feature(feature, explanation.Outcomes[feature], own))
	}
	explanation.Incomplete = t.left <= 0 || e.budget.exceeded
	return explanation
}

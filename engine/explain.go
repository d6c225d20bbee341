package engine

import "github.com/edge-proxy/edge-proxy/domain"

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

// Explanation is the outcome of one feature and the reason for it.
type Explanation struct {
	Outcome OutcomeID
	Source  Source
	// Segment is the one whose override won. It is zero for other sources.
	Segment SegmentName
	// Variants is how many variants the winning feature state has. It is 0 for an
	// identity override, which never splits.
	Variants int
	// Variant is the number of the variant that the identity got, from 1 in the order
	// in which variants divide the percentages, and Weight is its percentage. Both are
	// 0 when the identity got the plain value. VariantKey is the variant's name in the
	// document, "" if it has no name.
	Variant    int
	VariantKey string
	Weight     float64
	// Static says that the feature has the same outcome for everybody: it has no
	// variants and nothing overrides it.
	Static bool
}

// Explain appends the outcome of every feature for id and its reason, in document
// order, and returns the longer slice. The outcomes are those of Evaluate or, for a
// nil id, those of Flags. Explain is slower than they are. It does not retain id.
func (p *Program) Explain(dst []Explanation, id *domain.Identity) []Explanation {
	e, _ := p.scratch.Get().(*evaluation)
	if e == nil {
		e = p.newEvaluation()
	}
	e.begin(id)
	e.matchSegments()
	start := len(dst)
	for i := range p.features {
		dst = append(dst, e.explain(i))
	}
	if id != nil {
		own := p.identities[id.Identifier]
		for _, o := range p.overrides[own.start:own.end] {
			dst[start+int(o.feature)] = Explanation{Outcome: o.outcome, Source: FromIdentity}
		}
	}
	e.end()
	p.scratch.Put(e)
	return dst
}

// explain is outcome with the reason.
func (e *evaluation) explain(i int) Explanation {
	p := e.program
	s, x := &p.features[i], Explanation{Static: !p.targeted[i]}
	if rank := e.best[i]; rank != unranked {
		s = &p.states[rank]
		x.Source, x.Segment = FromSegment, p.segmentNames[s.segment]
	}
	x.Outcome = s.outcome
	if s.split == nil {
		return x
	}
	x.Variants = len(s.split.variants)
	if e.identity == nil {
		return x
	}
	if v := s.split.find(e); v >= 0 {
		variant := &s.split.named[v]
		x.Outcome, x.Variant, x.VariantKey, x.Weight = s.split.variants[v].outcome, v+1, variant.key, variant.weight
	}
	return x
}

// findTargeted reports for every feature whether it has more than one possible outcome.
func (p *Program) findTargeted() []bool {
	targeted := make([]bool, len(p.features))
	for i := range p.features {
		targeted[i] = p.features[i].split != nil
	}
	for i := range p.segments {
		for _, o := range p.segments[i].overrides {
			targeted[o.feature] = true
		}
	}
	for _, o := range p.overrides {
		targeted[o.feature] = true
	}
	return targeted
}

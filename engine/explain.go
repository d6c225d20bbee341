package engine

import "github.com/edge-proxy/edge-proxy/domain"

// Source is where an outcome comes from.
type Source uint8

// The sources, the weaker before the stronger.
const (
	FromEnvironment Source = iota // the environment's own feature state
	FromSegment                   // a segment's override
	FromIdentity                  // the identity's own override
)

// SegmentName names a segment as the document does.
type SegmentName struct{ ID, Name string }

// Explanation tells how one feature came out, and why.
type Explanation struct {
	Outcome OutcomeID
	Source  Source
	// Segment is the one whose override won; it is zero for other sources.
	Segment SegmentName
	// Variants is how many variants the feature state that won has. Identity
	// overrides never split and have none.
	Variants int
	// Variant is the variant that the identity fell to, from 1 in the order in
	// which they share out the percentages, and Weight its percentage. Both are 0
	// when the feature state's plain value was taken. VariantKey is the name that
	// the document has for the variant, "" where it has none.
	Variant    int
	VariantKey string
	Weight     float64
	// Static says that the document leaves the feature one way to come out,
	// whoever asks: it has no variants and nothing overrides it.
	Static bool
}

// Explain appends how every feature comes out for id, in document order, and how
// that came about; the outcomes are those of Evaluate or, for a nil id, those of
// Flags. It takes longer than they do, for one feature as for all. It returns
// the longer slice and keeps nothing of id.
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

// explain is evaluation.outcome with its reasons.
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
		told := &s.split.told[v]
		x.Outcome, x.Variant, x.VariantKey, x.Weight = s.split.variants[v].outcome, v+1, told.key, told.weight
	}
	return x
}

// findTargeted tells of every feature whether it can come out in more than one
// way.
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

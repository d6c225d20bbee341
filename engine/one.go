package engine

import (
	"math/bits"

	"github.com/edge-proxy/edge-proxy/domain"
)

// EvaluateOne returns the outcome of one feature for id, given by its number. It is that
// of Evaluate, but only the segments that override the feature are matched. In a document
// whose conditions read flags, all features are evaluated. It does not retain id.
func (p *Program) EvaluateOne(feature int, id *domain.Identity) OutcomeID {
	e, _ := p.scratch.Get().(*evaluation)
	if e == nil {
		e = p.newEvaluation()
	}
	defer p.scratch.Put(e)
	span := p.identities[id.Identifier]
	own := p.overrides[span.start:span.end]
	if e.flags != nil {
		e.one = e.run(e.one[:0], id, own)
		return e.one[feature]
	}
	for i := len(own) - 1; i >= 0; i-- {
		if int(own[i].feature) == feature {
			return own[i].outcome
		}
	}
	e.begin(id)
	rank := uint32(unranked)
	for word, set := range e.segments {
		for ; set != 0; set &= set - 1 {
			s := &p.segments[word<<6|bits.TrailingZeros64(set)]
			if better := s.rankOf(feature); better < rank && e.all(s.rules) {
				rank = better
			}
		}
	}
	outcome := e.outcomeOf(feature, rank)
	e.end()
	return outcome
}

// rankOf returns the best rank of the segment's overrides of a feature, unranked if it
// has none.
func (s *segment) rankOf(feature int) uint32 {
	rank := uint32(unranked)
	for _, o := range s.overrides {
		if int(o.feature) == feature && o.rank < rank {
			rank = o.rank
		}
	}
	return rank
}

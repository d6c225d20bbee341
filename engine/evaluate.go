package engine

import (
	"math"
	"math/bits"

	"github.com/edge-proxy/edge-proxy/domain"
)

// The first slots are not for traits.
const (
	identityKeySlot = iota // {environment api_key}_{identifier}, never converted to a number
	firstPropertySlot
)

// unranked is the rank of a feature without an override.
const unranked = math.MaxUint32

// evaluation is the working memory of one evaluation. Its slots are empty between
// evaluations.
type evaluation struct {
	program  *Program
	identity *domain.Identity // nil: evaluate without an identity
	key      []byte           // the identity key
	slots    []value
	present  []bool   // by slot: the identity has a trait that is not null
	touched  []int32  // the slots that the identity filled
	resolved []bool   // by path slot: its JSONPath has been applied
	segments []uint64 // bit set of the segments worth trying
	best     []uint32 // by feature: the rank of the best override so far
	hash     []byte   // buffer
}

// Evaluate appends the outcome of every feature for id, in document order, and
// returns the longer slice. It does not retain id.
func (p *Program) Evaluate(dst []OutcomeID, id *domain.Identity) []OutcomeID {
	e, _ := p.scratch.Get().(*evaluation)
	if e == nil {
		e = p.newEvaluation()
	}
	e.begin(id)
	e.matchSegments()
	own := p.identities[id.Identifier]
	start := len(dst)
	for i := range p.features {
		dst = append(dst, e.outcome(i))
	}
	// An identity's own overrides beat every segment's.
	for _, o := range p.overrides[own.start:own.end] {
		dst[start+int(o.feature)] = o.outcome
	}
	e.end()
	p.scratch.Put(e)
	return dst
}

// evaluateFlags evaluates without an identity, once per program.
func (p *Program) evaluateFlags() []OutcomeID {
	e := p.newEvaluation()
	e.begin(nil)
	e.matchSegments()
	flags := make([]OutcomeID, len(p.features))
	for i := range flags {
		flags[i] = e.outcome(i)
	}
	return flags
}

func (p *Program) newEvaluation() *evaluation {
	return &evaluation{
		program:  p,
		slots:    make([]value, p.nslots),
		present:  make([]bool, p.nslots),
		resolved: make([]bool, len(p.paths)),
		segments: make([]uint64, len(p.index.always)),
		best:     make([]uint32, len(p.features)),
	}
}

// begin fills the slots from the identity and marks the segments worth trying: those
// that can match every identity, and those for which the index finds a trait.
func (e *evaluation) begin(id *domain.Identity) {
	p := e.program
	e.identity = id
	copy(e.segments, p.index.always)
	for i := range e.best {
		e.best[i] = unranked
	}
	if id == nil {
		return
	}
	e.key = append(e.key[:0], p.environmentKey...)
	e.key = append(e.key, '_')
	e.key = append(e.key, id.Identifier...)
	for i := range id.Traits {
		t := &id.Traits[i]
		slot, ok := p.slots[t.Key]
		if !ok {
			continue
		}
		if e.slots[slot].kind == absent {
			e.touched = append(e.touched, slot)
		}
		e.slots[slot] = valueOf(t.Value)
	}
	for _, slot := range e.touched {
		e.present[slot] = e.slots[slot].kind != absent
		p.index.mark(e.segments, slot, &e.slots[slot])
	}
}

func (e *evaluation) end() {
	for _, slot := range e.touched {
		e.slots[slot] = value{}
		e.present[slot] = false
	}
	e.touched = e.touched[:0]
	for i := range e.resolved {
		if e.resolved[i] {
			e.resolved[i] = false
			e.slots[e.program.paths[i].slot] = value{}
		}
	}
	e.slots[identityKeySlot] = value{}
	e.identity = nil
}

// matchSegments tries the marked segments and keeps the best override of each
// feature. Ranks are unique, so the order does not matter.
func (e *evaluation) matchSegments() {
	for word, set := range e.segments {
		for ; set != 0; set &= set - 1 {
			s := &e.program.segments[word<<6|bits.TrailingZeros64(set)]
			if !e.all(s.rules) {
				continue
			}
			for _, o := range s.overrides {
				if o.rank < e.best[o.feature] {
					e.best[o.feature] = o.rank
				}
			}
		}
	}
}

// outcome returns the outcome of feature i: the best override's or, without one, that
// of the feature's own state.
func (e *evaluation) outcome(i int) OutcomeID {
	s := &e.program.features[i]
	if rank := e.best[i]; rank != unranked {
		s = &e.program.states[rank]
	}
	if s.split == nil || e.identity == nil {
		return s.outcome
	}
	return s.split.choose(e, s.outcome)
}

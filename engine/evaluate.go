package engine

import (
	"math"
	"math/bits"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
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
	present  []bool      // by slot: the identity has a trait that is not null
	touched  []int32     // the slots that the identity filled
	resolved []bool      // by path slot: its JSONPath has been applied
	segments []uint64    // bit set of the segments worth trying
	best     []uint32    // by feature: the rank of the best override so far
	hash     []byte      // buffer
	one      []OutcomeID // buffer
	flags    *flagSearch // nil: no condition reads a flag
	budget   budget

	// What JSONPaths need of the identity, made when the first one needs it.
	identifier value
	tree       *jsonpath.Object
}

// Evaluate appends the outcome of every feature for id, in document order, and
// returns the longer slice. It does not retain id.
func (p *Program) Evaluate(dst []OutcomeID, id *domain.Identity) []OutcomeID {
	e, _ := p.scratch.Get().(*evaluation)
	if e == nil {
		e = p.newEvaluation()
	}
	own := p.identities[id.Identifier]
	dst = e.run(dst, id, p.overrides[own.start:own.end])
	p.scratch.Put(e)
	return dst
}

// run evaluates all features and appends their outcomes. own are the identity's own
// overrides.
func (e *evaluation) run(dst []OutcomeID, id *domain.Identity, own []identityOverride) []OutcomeID {
	dst = e.evaluate(dst, id, own)
	e.end()
	return dst
}

// evaluate is run without its end: what the evaluation found stays in e.
func (e *evaluation) evaluate(dst []OutcomeID, id *domain.Identity, own []identityOverride) []OutcomeID {
	e.begin(id)
	if e.flags == nil {
		e.matchSegments()
	} else {
		e.matchWithFlags(own)
	}
	start := len(dst)
	for i := range e.program.features {
		dst = append(dst, e.outcomeOf(i, e.best[i]))
	}
	for _, o := range own { // they win over every segment's
		dst[start+int(o.feature)] = o.outcome
	}
	if e.flags != nil {
		e.apply(dst[start:])
	}
	return dst
}

// evaluateFlags evaluates without an identity, once per program.
func (p *Program) evaluateFlags() []OutcomeID {
	return p.newEvaluation().run(make([]OutcomeID, 0, len(p.features)), nil, nil)
}

func (p *Program) newEvaluation() *evaluation {
	e := &evaluation{
		program:  p,
		slots:    make([]value, p.nslots),
		present:  make([]bool, p.nslots),
		resolved: make([]bool, len(p.paths)),
		segments: make([]uint64, len(p.index.always)),
		best:     make([]uint32, len(p.features)),
	}
	if p.dependencies != nil {
		e.flags = newFlagSearch(p)
	}
	return e
}

// begin fills the slots from the identity and marks the segments worth trying: those
// that can match every identity, and those for which the index finds a trait.
func (e *evaluation) begin(id *domain.Identity) {
	p := e.program
	e.identity = id
	e.budget = budget{steps: maxSteps}
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
	if e.budget.exceeded {
		e.program.cutOffs.add(e.budget.by)
	}
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
	e.identity, e.tree, e.identifier = nil, nil, value{}
}

// matchSegments tries the marked segments and keeps the best override of each
// feature. Ranks are unique, so the order does not matter.
func (e *evaluation) matchSegments() {
	for word, set := range e.segments {
		for ; set != 0; set &= set - 1 {
			s := &e.program.segments[word<<6|bits.TrailingZeros64(set)]
			if e.all(s.rules) {
				e.offer(s)
			}
		}
	}
}

// offer makes the overrides of a matching segment the best ones of their features if
// they rank before those so far.
func (e *evaluation) offer(s *segment) {
	for _, o := range s.overrides {
		if o.rank < e.best[o.feature] {
			e.best[o.feature] = o.rank
		}
	}
}

// outcomeOf returns the outcome of a feature by the override with that rank or, if it
// has no rank, by the feature's own state.
func (e *evaluation) outcomeOf(feature int, rank uint32) OutcomeID {
	s := &e.program.features[feature]
	if rank != unranked {
		s = &e.program.states[rank]
	}
	if s.split == nil || e.identity == nil {
		return s.outcome
	}
	return s.split.choose(e)
}

package engine

import (
	"math/bits"

	"github.com/edge-proxy/edge-proxy/domain"
)

// flagSearch resolves the flags that conditions read, for one evaluation.
//
// A flag is resolved when a condition reads it first, by a depth-first search with an
// explicit stack: a condition that reads a flag which is not resolved yet suspends its
// segment, the flag is resolved, and the evaluation of the segment goes on. That
// happens once per flag. Flags that depend on no cycle are resolved ahead, so that
// nothing is suspended for them.
//
// Flags that depend on each other are found as the strongly connected components of
// the search. Reading one of them finds no value, and a segment whose evaluation did so
// does not match, whatever its rules say: it was cut. A segment is also cut when a flag
// that it reads is resolved during its evaluation and a segment is cut there. Only then
// it may match when it is asked again (docs/spec/today.md#resolution).
type flagSearch struct {
	verdicts []verdict // by segment
	cutBy    []int32   // by segment with the verdict cut: the first open flag that it read, or none
	flags    []resolved
	open     []int32 // the flags of components that are not complete
	frames   []frame
	count    int32 // of flags that were begun
	cuts     int   // how often a read flag had no value because of a cycle
	value    value // what was read last
	absent   value // always absent

	// The evaluation of the current segment.
	pending int32 // the flag that has to be resolved first, or none
	progress
}

// progress is how far the evaluation of a segment has come.
type progress struct {
	cut       bool  // it read a flag in a cycle
	lowest    int32 // of the open flags that it read the one begun first, or none
	rule      int   // the rules before this one hold
	condition int   // of that rule, the conditions before this one are not decisive
}

const none = -1

// verdict is what is known about a segment.
type verdict uint8

const (
	unknown verdict = iota
	noMatch
	match
	cut // it reads a flag in a cycle
)

// resolved is the state of one flag.
type resolved struct {
	state    flagState
	circular bool  // it reads itself
	order    int32 // when it was begun
	low      int32 // the order of the first open flag that it leads to
	outcome  OutcomeID
	own      OutcomeID // the outcome of the identity's override, plus 1; 0: no override
	best     uint32    // the rank of the best override, once it is not open any more
}

type flagState uint8

const (
	unseen flagState = iota
	isOpen           // begun, and its component is not complete
	isResolved
	isCyclic
)

// frame is a flag that is being resolved: what is known of its best override, and the
// next segment to ask.
type frame struct {
	feature int32
	next    int32
	best    uint32
	attempt attempt
}

// attempt is the evaluation of one segment, which may be suspended several times.
type attempt struct {
	begun bool
	cuts  int // flagSearch.cuts at its begin
	progress
}

func newFlagSearch(p *Program) *flagSearch {
	return &flagSearch{
		verdicts: make([]verdict, len(p.segments)),
		cutBy:    make([]int32, len(p.segments)),
		flags:    make([]resolved, len(p.features)),
	}
}

func (r *flagSearch) reset() {
	clear(r.verdicts)
	clear(r.flags)
	r.count, r.cuts = 0, 0
}

// matchWithFlags is matchSegments for a document whose conditions read flags. It asks
// the segments in document order.
func (e *evaluation) matchWithFlags(own []identityOverride) {
	r := e.flags
	r.reset()
	for _, o := range own {
		r.flags[o.feature].own = o.outcome + 1
	}
	for _, feature := range e.program.dependencies.ahead {
		if r.flags[feature].state == unseen {
			e.resolve(feature)
		}
	}
	for word := range e.segments {
		for set := e.segments[word]; set != 0; set &= set - 1 {
			s := int32(word<<6 | bits.TrailingZeros64(set))
			var a attempt
			matches, done := e.ask(s, &a)
			for !done {
				e.resolve(r.pending)
				matches, done = e.ask(s, &a)
			}
			if matches {
				e.offer(&e.program.segments[s])
			}
		}
	}
}

// apply puts the outcomes of resolved flags, and the circular ones of flags in a cycle,
// into the outcomes of all features.
func (e *evaluation) apply(outcomes []OutcomeID) {
	for i := range e.flags.flags {
		switch f := &e.flags.flags[i]; f.state {
		case isResolved:
			outcomes[i] = f.outcome
		case isCyclic:
			outcomes[i] = e.program.dependencies.circular[outcomes[i]]
		}
	}
}

// ask returns whether a segment matches. If it is not done, flagSearch.pending must be
// resolved and the segment asked again.
func (e *evaluation) ask(segment int32, a *attempt) (matches, done bool) {
	r := e.flags
	if e.segments[segment>>6]&(1<<(segment&63)) == 0 {
		return false, true
	}
	if !a.begun {
		*a = attempt{begun: true, cuts: r.cuts, progress: progress{lowest: none}}
	}
	if r.verdicts[segment] == unknown {
		r.pending, r.progress = none, a.progress
		matches := e.allReading(e.program.segments[segment].rules)
		switch {
		case r.pending != none:
			a.progress = r.progress
			return false, false
		case r.cut:
			r.verdicts[segment], r.cutBy[segment] = cut, r.lowest
		case r.cuts != a.cuts:
		case matches:
			r.verdicts[segment] = match
		default:
			r.verdicts[segment] = noMatch
		}
	} else if r.verdicts[segment] == cut {
		r.cuts++
		if by := r.cutBy[segment]; by != none {
			r.touch(by)
		}
	}
	a.begun = false
	return r.verdicts[segment] == match && r.cuts == a.cuts, true
}

// resolve resolves a flag and those that it depends on, as far as they are read.
func (e *evaluation) resolve(feature int32) {
	r := e.flags
	r.begin(feature)
	for len(r.frames) > 0 {
		f := &r.frames[len(r.frames)-1]
		list := e.program.dependencies.overriding[f.feature]
		if int(f.next) == len(list) {
			e.finish()
			continue
		}
		matches, done := e.ask(list[f.next].segment, &f.attempt)
		if !done {
			r.begin(r.pending)
			continue
		}
		if matches {
			f.best = min(f.best, list[f.next].rank)
		}
		f.next++
	}
}

func (r *flagSearch) begin(feature int32) {
	f := &r.flags[feature]
	f.state, f.order, f.low = isOpen, r.count, r.count
	r.count++
	r.open = append(r.open, feature)
	r.frames = append(r.frames, frame{feature: feature, best: unranked})
}

// finish ends the resolution of the flag on top of the stack, and of its component if
// it was begun before all others of it.
func (e *evaluation) finish() {
	r := e.flags
	top := r.frames[len(r.frames)-1]
	r.frames = r.frames[:len(r.frames)-1]
	f := &r.flags[top.feature]
	f.best = top.best
	if f.own != 0 {
		f.outcome = f.own - 1
	} else {
		f.outcome = e.outcomeOf(int(top.feature), top.best)
	}
	if len(r.frames) > 0 {
		parent := &r.flags[r.frames[len(r.frames)-1].feature]
		parent.low = min(parent.low, f.low)
	}
	if f.low != f.order {
		return
	}
	last := len(r.open) - 1
	if r.open[last] == top.feature && !f.circular {
		f.state = isResolved
		r.open = r.open[:last]
		return
	}
	for closed := int32(none); closed != top.feature; last-- {
		closed = r.open[last]
		r.flags[closed].state = isCyclic
		r.open = r.open[:last]
	}
}

// read returns the value that a path into a flag leads to. It is valid until the next
// call.
func (e *evaluation) read(path *flagPath) *value {
	r := e.flags
	if e.budget.steps--; e.budget.steps < 0 {
		e.budget.exceed(CostDependency)
		return &r.absent
	}
	if path.feature == missing {
		return &r.absent
	}
	switch f := &r.flags[path.feature]; f.state {
	case unseen:
		r.pending = path.feature
	case isResolved:
		r.value = path.member.of(&e.program.outcomes[f.outcome])
		return &r.value
	case isCyclic:
		r.cuts++
		r.cut = true
	case isOpen:
		r.cuts++
		r.cut = true
		if r.lowest == none || f.order < r.flags[r.lowest].order {
			r.lowest = path.feature
			r.touch(path.feature)
		}
	}
	return &r.absent
}

// touch notes that the flag being resolved leads to an open one. It does nothing for a
// flag that is not open.
func (r *flagSearch) touch(to int32) {
	if r.flags[to].state != isOpen {
		return
	}
	top := r.frames[len(r.frames)-1].feature
	f := &r.flags[top]
	f.low = min(f.low, r.flags[to].order)
	f.circular = f.circular || top == to
}

// allReading is all for rules below which conditions read flags. It stops as soon as
// flagSearch.pending is set; its result then means nothing.
func (e *evaluation) allReading(rules []rule) bool {
	p := &e.flags.progress
	for ; p.rule < len(rules); p.rule, p.condition = p.rule+1, 0 {
		// Only here a rule goes on where it was suspended; below, it begins again.
		if !e.ruleHoldsReading(&rules[p.rule], &p.condition) {
			return false
		}
	}
	return true
}

// ruleHoldsReading is ruleHolds with the order of the Python engine, in which reading
// flags matters: it looks at sub-rules even after the conditions have failed. It begins
// with the condition of that number, and counts the number up.
func (e *evaluation) ruleHoldsReading(r *rule, condition *int) bool {
	switch {
	case !r.reads:
		return e.ruleHolds(r)
	case r.kind != domain.All && r.kind != domain.Any && r.kind != domain.None:
		return false
	}
	// The first member that is decisive ends the search: one that fails for ALL, one
	// that holds for ANY and NONE.
	decisive := r.kind != domain.All
	ofConditions, ofRules := false, false
	for ; *condition < len(r.conditions); *condition++ {
		if holds := e.holds(&r.conditions[*condition]); e.flags.pending != none {
			return false
		} else if holds == decisive {
			ofConditions = true
			break
		}
	}
	for i := range r.rules {
		first := 0
		if holds := e.ruleHoldsReading(&r.rules[i], &first); e.flags.pending != none {
			return false
		} else if holds == decisive {
			ofRules = true
			break
		}
	}
	if r.kind == domain.Any {
		return (ofConditions || len(r.conditions) == 0) && (ofRules || len(r.rules) == 0)
	}
	return !ofConditions && !ofRules
}

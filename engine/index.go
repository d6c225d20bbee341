package engine

import (
	"math"

	"github.com/edge-proxy/edge-proxy/domain"
)

// index finds the segments that an identity's traits could match. With it, the cost
// of an evaluation depends on the identity's traits and not on the number of
// segments.
//
// Most segments can match only when at least one of a few facts about traits holds,
// such as "plan is premium" or "age is there". These are the segment's guards. A
// segment is tried only when one of its guards holds. Segments without guards, such
// as those by percentage of identities, are always tried.
type index struct {
	always []uint64 // bit set
	slots  []slotIndex
}

// slotIndex lists the segments that facts about one trait make worth trying.
type slotIndex struct {
	present  []int32
	texts    map[string][]int32
	integers map[int64][]int32
	floats   map[float64][]int32
	booleans [2][]int32
}

// guard is one fact about a trait: that it exists, or that it has a certain value.
type guard struct {
	slot  int32
	exact bool // the trait must have the value; otherwise it must exist
	value value
}

// presenceCost is the cost of a guard by presence, where one by value costs 1: it
// holds for every identity that has the trait.
const presenceCost = 1000

func cost(guards []guard) int {
	total := 0
	for i := range guards {
		if guards[i].exact {
			total++
		} else {
			total += presenceCost
		}
	}
	return total
}

// guardsOfAll returns the cheapest guards of rules that must all hold.
func guardsOfAll(rules []rule, conditions []guardedCondition) ([]guard, bool) {
	var best []guard
	found := false
	consider := func(guards []guard, ok bool) {
		if ok && (!found || cost(guards) < cost(best)) {
			best, found = guards, true
		}
	}
	for i := range conditions {
		consider(conditions[i].guards, conditions[i].guarded)
	}
	for i := range rules {
		consider(rules[i].guards())
	}
	return best, found
}

// guardedCondition is what the index needs to know about a condition.
type guardedCondition struct {
	guards  []guard
	guarded bool
}

// guards returns facts of which at least one must hold for the rule to hold. It
// reports false when there are no such facts: the rule can hold with any traits.
func (r *rule) guards() ([]guard, bool) {
	conditions := make([]guardedCondition, len(r.conditions))
	for i := range r.conditions {
		c := &r.conditions[i]
		conditions[i].guards, conditions[i].guarded = c.guards()
	}
	switch r.kind {
	case domain.All:
		return guardsOfAll(r.rules, conditions)
	case domain.Any:
		// Conditions and sub-rules must both hold; either side may guard, if
		// every one of its members has guards.
		var ofConditions, ofRules []guard
		conditionsGuard, rulesGuard := len(conditions) > 0, len(r.rules) > 0
		for _, c := range conditions {
			ofConditions = append(ofConditions, c.guards...)
			conditionsGuard = conditionsGuard && c.guarded
		}
		for i := range r.rules {
			guards, ok := r.rules[i].guards()
			ofRules = append(ofRules, guards...)
			rulesGuard = rulesGuard && ok
		}
		if conditionsGuard && (!rulesGuard || cost(ofConditions) <= cost(ofRules)) {
			return ofConditions, true
		}
		return ofRules, rulesGuard
	case domain.None:
		return nil, false
	default:
		return nil, true // the rule never holds, whatever the facts
	}
}

// guards returns the condition's guards: the values for which it can hold, or the
// presence of its trait.
func (c *condition) guards() ([]guard, bool) {
	if !c.needsTrait() {
		return nil, false
	}
	if c.values == nil {
		return []guard{{slot: c.slot}}, true
	}
	guards := make([]guard, len(c.values))
	for i, v := range c.values {
		guards[i] = guard{slot: c.slot, exact: true, value: v}
	}
	return guards, true
}

func newIndex(segments []segment, slots int) index {
	x := index{always: make([]uint64, (len(segments)+63)/64), slots: make([]slotIndex, slots)}
	for i := range segments {
		guards, ok := guardsOfAll(segments[i].rules, nil)
		if !ok || segments[i].reads { // what a segment reads matters even if it does not match
			x.always[i>>6] |= 1 << (i & 63)
			continue
		}
		for _, g := range guards {
			x.slots[g.slot].add(g, int32(i))
		}
	}
	return x
}

func (s *slotIndex) add(g guard, segment int32) {
	if !g.exact {
		s.present = append(s.present, segment)
		return
	}
	switch v := g.value; v.kind {
	case text:
		s.texts = appendTo(s.texts, v.text, segment)
	case integer:
		s.integers = appendTo(s.integers, v.integer, segment)
	case float:
		s.floats = appendTo(s.floats, v.float, segment)
	case boolean:
		s.booleans[bit(v.boolean)] = append(s.booleans[bit(v.boolean)], segment)
	}
}

func appendTo[K comparable](m map[K][]int32, key K, segment int32) map[K][]int32 {
	if m == nil {
		m = map[K][]int32{}
	}
	if list := m[key]; len(list) == 0 || list[len(list)-1] != segment {
		m[key] = append(list, segment)
	}
	return m
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mark sets the bits of the segments that v in slot makes worth trying.
func (x *index) mark(set []uint64, slot int32, v *value) {
	s := &x.slots[slot]
	markAll(set, s.present)
	switch v.kind {
	case text:
		markAll(set, s.texts[v.text])
	case integer:
		if v.large == nil { // guards by value have integers of 64 bits only
			markAll(set, s.integers[v.integer])
		}
	case float:
		if !math.IsNaN(v.float) {
			markAll(set, s.floats[v.float])
		}
	case boolean:
		markAll(set, s.booleans[bit(v.boolean)])
	}
}

func markAll(set []uint64, segments []int32) {
	for _, i := range segments {
		set[i>>6] |= 1 << (i & 63)
	}
}

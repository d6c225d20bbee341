package engine

import (
	"hash/maphash"

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
	values valueTable
}

// slotIndex lists the segments that a trait makes worth trying whatever its value is.
type slotIndex struct {
	present []int32
	exact   bool // some of its values are in the index's table
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
	values := valueTableBuilder{seed: maphash.MakeSeed(), segments: map[uint64][]int32{}}
	for i := range segments {
		guards, ok := guardsOfAll(segments[i].rules, nil)
		if !ok || segments[i].reads { // what a segment reads matters even if it does not match
			x.always[i>>6] |= 1 << (i & 63)
			continue
		}
		for j := range guards {
			g, slot := &guards[j], &x.slots[guards[j].slot]
			if g.exact {
				slot.exact = true
				values.add(g, int32(i))
			} else {
				slot.present = append(slot.present, int32(i))
			}
		}
	}
	x.values = values.build()
	return x
}

// mark sets the bits of the segments that v in slot makes worth trying.
func (x *index) mark(set []uint64, slot int32, v *value) {
	s := &x.slots[slot]
	markAll(set, s.present)
	if s.exact {
		x.values.mark(set, slot, v)
	}
}

func markAll(set []uint64, segments []int32) {
	for _, i := range segments {
		set[i>>6] |= 1 << (i & 63)
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

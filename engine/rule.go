package engine

import (
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
)

// rule is a compiled rule. A rule of an unknown type never holds.
type rule struct {
	kind       domain.RuleType
	conditions []condition
	// needs has for each condition the slot whose trait it needs to hold, or -1. Most
	// conditions are about traits that an identity does not have; needs shows that
	// without a look at the condition.
	needs []int32
	rules []rule
	reads bool // a condition, here or below, reads a flag
}

func newRule(kind domain.RuleType, conditions []condition, rules []rule) rule {
	r := rule{kind: kind, conditions: conditions, needs: make([]int32, len(conditions)), rules: rules}
	for i := range conditions {
		r.needs[i] = -1
		if c := &conditions[i]; c.needsTrait() {
			r.needs[i] = c.slot
		}
		r.reads = r.reads || conditions[i].readsFlag
	}
	r.reads = r.reads || slices.ContainsFunc(rules, func(r rule) bool { return r.reads })
	return r
}

// condition is a compiled condition: a test of the value in a slot.
type condition struct {
	slot int32
	// path is the index of the slot's JSONPath in Program.paths, or -1.
	path      int32
	readsFlag bool // the path leads into a flag
	// whenAbsent is the result when the slot has no value; test is not called then.
	whenAbsent bool
	test       func(v *value, b *budget) bool
	// values are the only values for which the test can hold; nil: any value. They are
	// dropped when the index is built.
	values []value
}

// needsTrait reports whether the condition can hold only for an identity with a trait
// in its slot.
func (c *condition) needsTrait() bool {
	return !c.whenAbsent && c.slot >= firstPropertySlot && c.path < 0
}

// all reports whether every rule holds.
func (e *evaluation) all(rules []rule) bool {
	for i := range rules {
		if !e.ruleHolds(&rules[i]) {
			return false
		}
	}
	return true
}

// ruleHolds applies the rule's type to its conditions and, separately, to its
// sub-rules. Both must hold; an empty list holds.
func (e *evaluation) ruleHolds(r *rule) bool {
	switch r.kind {
	case domain.All:
		for i := range r.conditions {
			if !e.holds(&r.conditions[i]) {
				return false
			}
		}
		return e.all(r.rules)
	case domain.Any:
		return (len(r.conditions) == 0 || e.anyHolds(r)) && (len(r.rules) == 0 || e.anyRuleHolds(r.rules))
	case domain.None:
		return !e.anyHolds(r) && !e.anyRuleHolds(r.rules)
	default:
		return false
	}
}

func (e *evaluation) anyHolds(r *rule) bool {
	for i, slot := range r.needs {
		if (slot < 0 || e.present[slot]) && e.holds(&r.conditions[i]) {
			return true
		}
	}
	return false
}

func (e *evaluation) anyRuleHolds(rules []rule) bool {
	for i := range rules {
		if e.ruleHolds(&rules[i]) {
			return true
		}
	}
	return false
}

func (e *evaluation) holds(c *condition) bool {
	v := &e.slots[c.slot]
	if v.kind == absent && c.slot == identityKeySlot && e.identity != nil {
		v = e.identityKey()
	}
	if v.kind == absent && c.path >= 0 {
		v = e.resolvePath(c.path)
	}
	if v.kind == absent {
		return c.whenAbsent
	}
	return c.test(v, &e.budget)
}

// identityKey returns the identity key as a value.
func (e *evaluation) identityKey() *value {
	v := &e.slots[identityKeySlot]
	if v.kind == absent {
		*v = value{kind: text, text: string(e.key)}
	}
	return v
}

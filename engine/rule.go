package engine

import "github.com/edge-proxy/edge-proxy/domain"

// rule is a compiled rule. A rule of no known type never holds.
type rule struct {
	kind       domain.RuleType
	conditions []condition
	// needs are, for each condition, the slot without whose trait it cannot hold,
	// or -1. Most conditions are about traits that an identity lacks; here that is
	// seen without looking at them.
	needs []int32
	rules []rule
}

func newRule(kind domain.RuleType, conditions []condition, rules []rule) rule {
	r := rule{kind: kind, conditions: conditions, needs: make([]int32, len(conditions)), rules: rules}
	for i := range conditions {
		r.needs[i] = -1
		if c := &conditions[i]; c.needsTrait() {
			r.needs[i] = c.slot
		}
	}
	return r
}

// condition is a compiled condition: a test of the value in a slot.
type condition struct {
	slot int32
	// path is the index of the slot's JSONPath in Program.paths, or -1.
	path int32
	// whenAbsent is the answer when there is no value; test is not asked then.
	whenAbsent bool
	test       func(v *value) bool
	// values are the only ones that the test can hold for; nil: any.
	values []value
}

// needsTrait reports whether the condition cannot hold for an identity without a
// trait of its slot.
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
// sub-rules; both must hold, and an empty list does.
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
		*v = value{kind: text, text: string(e.key)}
	}
	if v.kind == absent && c.path >= 0 {
		e.resolvePath(c.path)
	}
	if v.kind == absent {
		return c.whenAbsent
	}
	return c.test(v)
}

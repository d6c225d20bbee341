package engine

import "github.com/edge-proxy/edge-proxy/domain"

// rule is a compiled rule. A rule of no known type never holds.
type rule struct {
	kind       domain.RuleType
	conditions []condition
	rules      []rule
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
		return (len(r.conditions) == 0 || e.anyHolds(r.conditions)) && (len(r.rules) == 0 || e.anyRuleHolds(r.rules))
	case domain.None:
		return !e.anyHolds(r.conditions) && !e.anyRuleHolds(r.rules)
	default:
		return false
	}
}

func (e *evaluation) anyHolds(conditions []condition) bool {
	for i := range conditions {
		if e.holds(&conditions[i]) {
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

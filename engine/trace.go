package engine

import (
	"math"
	"slices"
	"strconv"

	"github.com/edge-proxy/edge-proxy/domain"
)

// conditionSteps is what looking at a condition takes from the budget of an explanation,
// so that the size of an explanation is bounded, too.
const conditionSteps = 32

// tracer looks at the conditions of segments after an evaluation, all of them and each
// segment once. It takes no short cut: it does not use the index, and looks at the
// conditions that evaluation had no need to look at.
type tracer struct {
	*Explainer
	e        *evaluation // after its evaluate
	exceeded bool        // the evaluation used up its budget
	verdicts []verdict   // what it found of segments that read flags, by segment; nil: none reads flags
	rules    map[int32][]RuleTrace
	left     int // steps for conditions
}

func newTracer(x *Explainer, e *evaluation) *tracer {
	t := &tracer{Explainer: x, e: e, exceeded: e.budget.exceeded, rules: map[int32][]RuleTrace{}, left: maxSteps}
	if e.flags != nil {
		t.verdicts = slices.Clone(e.flags.verdicts)
	}
	e.budget = budget{steps: maxSteps}
	return t
}

func (t *tracer) feature(feature int, outcome OutcomeID, own []identityOverride) FeatureTrace {
	trace := FeatureTrace{Feature: feature, Outcome: outcome, Default: t.state(&t.program.features[feature])}
	for _, o := range own {
		if int(o.feature) == feature {
			trace.Identity = &t.program.outcomes[o.outcome]
		}
	}
	winner := t.e.rankOf(feature)
	for _, o := range t.overrides[feature] {
		trace.Segments = append(trace.Segments, t.segment(o, winner))
	}
	return trace
}

// rankOf returns the rank of the segment's override that evaluation found for a feature.
func (e *evaluation) rankOf(feature int) uint32 {
	if e.flags != nil && e.flags.flags[feature].state == isResolved {
		return e.flags.flags[feature].best
	}
	return e.best[feature]
}

func (t *tracer) segment(o segmentOverride, winner uint32) SegmentTrace {
	trace := SegmentTrace{Segment: SegmentName{o.segment.ID, o.segment.Name}, Priority: o.state.Priority}
	if o.number == none {
		trace.State = StateTrace{Outcome: &Outcome{Enabled: o.state.Enabled, Value: o.state.Value}}
		return trace
	}
	trace.State = t.state(&t.program.states[o.rank])
	trace.Rules = t.rulesOf(o.number)
	trace.Applies = o.rank == winner
	holds := allHold(trace.Rules)
	switch {
	case trace.Applies:
		trace.Matches = true
		if !holds {
			trace.Against = Budget
		}
	case holds && (o.rank < winner || t.verdicts != nil && t.verdicts[o.number] != match):
		trace.Against = Cycle
		if t.verdicts == nil || t.exceeded {
			trace.Against = Budget
		}
	default:
		trace.Matches = holds
	}
	return trace
}

// state traces what a feature state gives to the identity.
func (t *tracer) state(s *state) StateTrace {
	trace := StateTrace{Outcome: &t.program.outcomes[s.outcome]}
	if s.split == nil || t.e.identity == nil {
		return trace
	}
	key := s.split.key + string(t.e.key)
	list := []byte(key)
	split := &SplitTrace{Key: key, Percentage: percentage(&list), Control: &t.program.outcomes[s.split.control]}
	chosen := false
	for _, o := range s.split.options {
		mine := !chosen && o.start <= split.Percentage && split.Percentage < o.end
		chosen = chosen || mine
		split.Options = append(split.Options, OptionTrace{&t.program.outcomes[o.outcome], o.start, o.end, mine})
	}
	trace.Split = split
	return trace
}

// rulesOf traces the rules of a segment, once.
func (t *tracer) rulesOf(number int32) []RuleTrace {
	traces, known := t.rules[number]
	if !known {
		source := t.compiled[number]
		traces = t.trace(t.program.segments[number].rules, source.Rules, source.ID)
		if !allHold(traces) {
			markDecisive(traces)
		}
		t.rules[number] = traces
	}
	return traces
}

// trace traces compiled rules beside those of the document.
func (t *tracer) trace(rules []rule, sources []domain.Rule, segmentID string) []RuleTrace {
	traces := make([]RuleTrace, len(rules))
	for i := range rules {
		conditions := make([]ConditionTrace, len(rules[i].conditions))
		for j := range rules[i].conditions {
			conditions[j] = t.condition(&rules[i].conditions[j], &sources[i].Conditions[j], segmentID)
		}
		trace := RuleTrace{Type: sources[i].Type, Conditions: conditions, Rules: t.trace(rules[i].rules, sources[i].Rules, segmentID)}
		trace.Holds = combine(trace.Type, conditions, conditionHolds) && combine(trace.Type, trace.Rules, ruleHolds)
		traces[i] = trace
	}
	return traces
}

func conditionHolds(c ConditionTrace) bool { return c.Holds }

func ruleHolds(r RuleTrace) bool { return r.Holds }

func allHold(rules []RuleTrace) bool { return combine(domain.All, rules, ruleHolds) }

// combine reports whether a rule of a type holds with those members.
func combine[M any](kind domain.RuleType, members []M, holds func(M) bool) bool {
	switch kind {
	case domain.All:
		return !slices.ContainsFunc(members, func(m M) bool { return !holds(m) })
	case domain.Any:
		return len(members) == 0 || slices.ContainsFunc(members, holds)
	case domain.None:
		return !slices.ContainsFunc(members, holds)
	default:
		return false
	}
}

// condition traces one condition.
func (t *tracer) condition(c *condition, source *domain.Condition, segmentID string) ConditionTrace {
	trace := ConditionTrace{Condition: source}
	if t.left -= conditionSteps; t.left <= 0 || t.e.budget.exceeded {
		trace.CutOff = true
		return trace
	}
	v := t.see(c)
	trace.Seen, trace.SeenAs = v.shown()
	switch {
	case t.e.budget.exceeded:
	case v.kind == absent:
		trace.Holds = c.whenAbsent
	default:
		trace.Holds = c.test(&v, &t.e.budget)
	}
	if t.e.budget.exceeded {
		trace.Holds, trace.CutOff = false, true
	}
	if source.Operator == opPercentageSplit && v.kind != absent {
		list := v.appendText([]byte(segmentID + ","))
		p := percentage(&list)
		trace.Percentage = &p
	}
	return trace
}

// see returns the value that a condition is asked about. A flag that evaluation had no
// need to read is resolved now.
func (t *tracer) see(c *condition) value {
	e := t.e
	v := e.slots[c.slot]
	if v.kind == absent && c.slot == identityKeySlot && e.identity != nil {
		return *e.identityKey()
	}
	if v.kind != absent || c.path < 0 {
		return v
	}
	if flag := e.program.paths[c.path].flag; flag != nil && flag.feature != missing && e.flags.flags[flag.feature].state == unseen {
		e.resolve(flag.feature)
	}
	return *e.resolvePath(c.path)
}

// shown returns a value as JSON has it, and its type.
func (v *value) shown() (domain.Value, ValueType) {
	switch v.kind {
	case boolean:
		return domain.BoolValue(v.boolean), Boolean
	case integer:
		return domain.NumberValue(v.str()), Integer
	case float:
		if math.IsInf(v.float, 0) || math.IsNaN(v.float) {
			return domain.StringValue(v.str()), Float
		}
		return domain.NumberValue(strconv.FormatFloat(v.float, 'g', -1, 64)), Float
	case text:
		return domain.StringValue(v.text), Text
	default:
		return domain.Value{}, NoValue
	}
}

// markDecisive marks the first condition because of which rules that must all hold do
// not. A rule without conditions, or of an unknown type, has none to mark.
func markDecisive(rules []RuleTrace) {
	for i := range rules {
		if !rules[i].Holds {
			rules[i].markDecisive(false)
			return
		}
	}
}

// markDecisive marks the first condition because of which the rule holds, or does not
// hold. It reports whether there is one.
func (r *RuleTrace) markDecisive(holds bool) bool {
	member := (r.Type == domain.None) != holds // the result of the members that matter
	if combine(r.Type, r.Conditions, conditionHolds) == holds {
		for i := range r.Conditions {
			if r.Conditions[i].Holds == member {
				r.Conditions[i].Decisive = true
				return true
			}
		}
	}
	for i := range r.Rules {
		if r.Rules[i].Holds == member && r.Rules[i].markDecisive(member) {
			return true
		}
	}
	return false
}

package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// plainEvaluation evaluates a document in the plainest way: flags are resolved by
// recursion when they are read, and flags in a cycle again at each reading. It knows
// what the documents of tangle have: four operators, the trait plan, and options that
// take everybody or nobody.
type plainEvaluation struct {
	document *domain.Environment
	identity *domain.Identity
	verdicts map[int]bool
	flags    map[string]*plainFlag
	stack    []string
	cyclic   map[string]bool
	cuts     int
}

type plainFlag struct {
	state          *domain.FeatureState
	value, variant domain.Value
	reason         string
	name           string
	enabled        bool
}

func (f *plainFlag) String() string {
	return fmt.Sprintf("%v %v %s %s %s", f.state.Feature.ID, f.enabled, f.value.Text(), f.variant.AppendJSON(nil), f.reason)
}

// evaluatePlainly returns the flags of a document, in order.
func evaluatePlainly(document *domain.Environment, id *domain.Identity) (flags []string) {
	e := &plainEvaluation{document: document, identity: id, verdicts: map[int]bool{}, flags: map[string]*plainFlag{}, cyclic: map[string]bool{}}
	matching := map[int]bool{}
	for i := range document.Segments {
		cuts := e.cuts
		matches := e.matches(i)
		matching[i] = matches && e.cuts == cuts
	}
	for i := range document.FeatureStates {
		name := document.FeatureStates[i].Feature.Name
		f := e.flags[name]
		if f == nil {
			f = e.result(&document.FeatureStates[i], func(segment int) bool { return matching[segment] })
		}
		if e.cyclic[name] {
			f.reason = "ERROR; code=CIRCULAR_DEPENDENCY"
		}
		flags = append(flags, f.String())
	}
	return flags
}

// result is the flag whose own state is given, when the given segments match.
func (e *plainEvaluation) result(own *domain.FeatureState, matches func(segment int) bool) *plainFlag {
	name := own.Feature.Name
	state, reason, best := own, "STATIC", math.Inf(1)
	for i := range e.document.Segments {
		s := &e.document.Segments[i]
		names := func(fs domain.FeatureState) bool { return fs.Feature.Name == name }
		if !slices.ContainsFunc(s.Overrides, names) {
			continue
		}
		if reason == "STATIC" {
			reason = "DEFAULT"
		}
		if !matches(i) {
			continue
		}
		for j := range s.Overrides {
			priority, ok := s.Overrides[j].Priority.Float()
			if !ok {
				priority = math.Inf(1)
			}
			if names(s.Overrides[j]) && (state == own || priority < best) {
				state, best, reason = &s.Overrides[j], priority, "TARGETING_MATCH; segment="+s.Name
			}
		}
	}
	personal := false
	for i := range e.document.IdentityOverrides {
		o := &e.document.IdentityOverrides[i]
		for j := range o.Features {
			if o.Features[j].Feature.Name != name {
				continue
			}
			if reason == "STATIC" {
				reason = "DEFAULT"
			}
			if e.identity != nil && e.identity.Identifier == o.Identifier && !personal {
				state, reason, personal = &o.Features[j], "TARGETING_MATCH; segment=identity_overrides", true
			}
		}
	}
	f := &plainFlag{state: state, value: state.Value, reason: reason, name: name, enabled: state.Enabled}
	if e.identity != nil && !personal && len(state.Variants) > 0 {
		f.variant = domain.StringValue("control")
		if option := state.Variants[0]; option.Weight.Text() == "100" {
			f.value, f.variant, f.reason = option.Value, option.Key, "SPLIT; weight=100"
		}
	}
	return f
}

func (e *plainEvaluation) resolve(name string) {
	if at := slices.Index(e.stack, name); at >= 0 {
		for _, n := range e.stack[at:] {
			e.cyclic[n] = true
		}
		e.cuts++
		return
	}
	own := slices.IndexFunc(e.document.FeatureStates, func(fs domain.FeatureState) bool { return fs.Feature.Name == name })
	if own < 0 {
		return
	}
	e.stack = append(e.stack, name)
	f := e.result(&e.document.FeatureStates[own], e.remembered)
	e.stack = e.stack[:len(e.stack)-1]
	if !e.cyclic[name] {
		e.flags[name] = f
	}
}

func (e *plainEvaluation) remembered(segment int) bool {
	if verdict, known := e.verdicts[segment]; known {
		return verdict
	}
	cuts := e.cuts
	verdict := e.matches(segment)
	if e.cuts != cuts {
		return false
	}
	e.verdicts[segment] = verdict
	return verdict
}

func (e *plainEvaluation) matches(segment int) bool {
	rules := e.document.Segments[segment].Rules
	return len(rules) > 0 && !slices.ContainsFunc(rules, func(r domain.Rule) bool { return !e.rule(r) })
}

func (e *plainEvaluation) rule(r domain.Rule) bool {
	ofConditions := len(r.Conditions) == 0 || combined(r.Type, r.Conditions, e.condition)
	ofRules := len(r.Rules) == 0 || combined(r.Type, r.Rules, e.rule)
	return ofConditions && ofRules
}

func combined[T any](kind domain.RuleType, list []T, holds func(T) bool) bool {
	if kind == domain.All {
		return !slices.ContainsFunc(list, func(member T) bool { return !holds(member) })
	}
	return slices.ContainsFunc(list, holds) == (kind == domain.Any)
}

func (e *plainEvaluation) condition(c domain.Condition) bool {
	switch v := e.value(c.Property); {
	case v == nil:
		return c.Operator == "IS_NOT_SET"
	case c.Operator == "IS_SET":
		return true
	case c.Operator == "IS_NOT_SET":
		return false
	default:
		equal := false
		switch v := v.(type) {
		case bool:
			equal = v == (c.Value.Text() != "false")
		case int64:
			n, err := strconv.ParseInt(c.Value.Text(), 10, 64)
			if err != nil {
				return false
			}
			equal = n == v
		case string:
			equal = v == c.Value.Text()
		}
		return equal == (c.Operator == "EQUAL")
	}
}

func (e *plainEvaluation) value(property string) any {
	if property == "plan" {
		if e.identity == nil || len(e.identity.Traits) == 0 {
			return nil
		}
		return contextValue(e.identity.Traits[0].Value)
	}
	name, member, found := strings.Cut(strings.TrimPrefix(property, "$.flags."), ".")
	if !found {
		panic(property)
	}
	f := e.flags[name]
	if f == nil {
		e.resolve(name)
		if f = e.flags[name]; f == nil {
			return nil
		}
	}
	switch member {
	case "enabled":
		return f.enabled
	case "value":
		return contextValue(f.value)
	case "variant":
		return contextValue(f.variant)
	case "reason":
		return f.reason
	case "name":
		return f.name
	case "metadata.id":
		return f.state.Feature.ID
	default:
		return nil
	}
}

func contextValue(v domain.Value) any {
	if v.IsNull() {
		return nil
	}
	if n, err := strconv.ParseInt(v.Text(), 10, 64); err == nil {
		return n
	}
	return v.Text()
}

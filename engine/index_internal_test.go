package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

// TestTheIndexLeavesNoMatchingSegmentOut compares evaluations with the index to
// evaluations that try every segment, over random rules. It is inside the package,
// because only there an evaluation can do without the index.
func TestTheIndexLeavesNoMatchingSegmentOut(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	texts := []string{"1", "1.0", "a", "b", "True", "false", "", "-1", "007", "1.5", "None", "99999999999999999999", "a,b", "1,a", "[1,\"a\"]"}
	var randomRule func(depth int) domain.Rule
	randomRule = func(depth int) domain.Rule {
		rule := domain.Rule{Type: domain.RuleType(pick("ALL", "ANY", "NONE"))}
		for range r.IntN(3) {
			rule.Conditions = append(rule.Conditions, domain.Condition{
				Operator: pick(opEqual, opEqual, opIn, opIn, opGreaterThan, opContains, opIsSet, opIsNotSet, opNotEqual, opModulo, "BOGUS"),
				Property: pick("x", "y", "z", "$.identity.identifier"), Value: domain.StringValue(pick(texts...)),
			})
		}
		for range r.IntN(3) * depth / 2 {
			rule.Rules = append(rule.Rules, randomRule(depth-1))
		}
		return rule
	}
	differences := 0
	for n := range 400 {
		environment := &domain.Environment{APIKey: "e"}
		for i := range 5 {
			name := fmt.Sprint("f", i)
			own := domain.FeatureState{Feature: domain.Feature{ID: int64(i), Name: name}, Value: domain.StringValue("own")}
			override := own
			override.Value = domain.StringValue("overridden")
			environment.FeatureStates = append(environment.FeatureStates, own)
			environment.Segments = append(environment.Segments, domain.Segment{
				ID: fmt.Sprint(i), Rules: []domain.Rule{randomRule(2)}, Overrides: []domain.FeatureState{override},
			})
		}
		indexed, _ := Compile(environment)
		exhaustive, _ := Compile(environment)
		for i := range exhaustive.index.always {
			exhaustive.index.always[i] = 1<<len(exhaustive.segments) - 1
		}
		for range 20 {
			id := &domain.Identity{Identifier: pick(texts...)}
			for _, key := range []string{"x", "y", "z", "x"} {
				if r.IntN(2) == 0 {
					id.Traits = append(id.Traits, domain.Trait{Key: key, Value: []domain.Value{
						domain.StringValue(pick(texts...)), domain.NumberValue(pick("1", "-1", "7", "1.0", "1.5", "99999999999999999999")), domain.BoolValue(r.IntN(2) == 0), {},
					}[r.IntN(4)]})
				}
			}
			a, b := indexed.Evaluate(nil, id), exhaustive.Evaluate(nil, id)
			if !slices.Equal(a, b) {
				t.Fatalf("document %d, %+v: %v with the index, %v without", n, id, a, b)
			}
			if slices.ContainsFunc(a, func(o OutcomeID) bool { return indexed.outcomes[o].Value.Text() == "overridden" }) {
				differences++
			}
		}
	}
	if differences < 1000 {
		t.Errorf("only %d of 8000 evaluations had an override: the test says little", differences)
	}
}

// TestTheIndexTriesFewSegments checks which segments are tried for an identity. It is
// inside the package, because nothing but the time shows it outside.
func TestTheIndexTriesFewSegments(t *testing.T) {
	id := &domain.Identity{Identifier: "i", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue("b")}, {Key: "y", Value: domain.StringValue("b")}}}
	is := func(property, value string) domain.Condition {
		return domain.Condition{Operator: opEqual, Property: property, Value: domain.StringValue(value)}
	}
	in := func(property, list string) domain.Condition {
		return domain.Condition{Operator: opIn, Property: property, Value: domain.StringValue(list)}
	}
	there := func(property string) domain.Condition {
		return domain.Condition{Operator: opIsSet, Property: property}
	}
	rule := func(kind domain.RuleType, conditions ...domain.Condition) domain.Rule {
		return domain.Rule{Type: kind, Conditions: conditions}
	}
	with := func(r domain.Rule, rules ...domain.Rule) domain.Rule {
		r.Rules = rules
		return r
	}
	for name, c := range map[string]struct {
		rule  domain.Rule
		tried bool
	}{
		"the value":                            {rule(domain.All, is("x", "b")), true},
		"another value":                        {rule(domain.All, is("x", "a")), false},
		"one of many values":                   {rule(domain.All, in("x", "a,b")), true},
		"none of many values":                  {rule(domain.All, in("x", "a,c")), false},
		"a trait that is there":                {rule(domain.All, there("x")), true},
		"a trait that is not there":            {rule(domain.All, there("z")), false},
		"a value is rarer than a trait":        {rule(domain.All, there("x"), is("x", "a")), false},
		"in any order":                         {rule(domain.All, is("x", "a"), there("x")), false},
		"one value is rarer than two":          {rule(domain.All, in("x", "b,c"), in("y", "a")), false},
		"two values are as rare as two":        {rule(domain.All, in("x", "a,c"), in("y", "b,c")), false},
		"any of some values":                   {rule(domain.Any, is("x", "a"), is("y", "c")), false},
		"any of a value and a trait":           {rule(domain.Any, is("x", "a"), there("y")), true},
		"conditions that are rarer than rules": {with(rule(domain.Any, is("x", "a")), rule(domain.All, there("y"))), false},
		"rules that are rarer than conditions": {with(rule(domain.Any, there("y")), rule(domain.All, is("x", "a"))), false},
		"conditions that are as rare as rules": {with(rule(domain.Any, is("x", "a")), rule(domain.All, is("y", "b"))), false},
		"rules beside conditions of everybody": {with(rule(domain.Any, domain.Condition{Operator: opIsNotSet, Property: "z"}), rule(domain.All, is("x", "a"))), false},
		"conditions beside rules of everybody": {with(rule(domain.Any, is("x", "a")), rule(domain.None)), false},
		"rules below rules":                    {with(rule(domain.All), with(rule(domain.All), rule(domain.All, is("x", "a")))), false},
		"without conditions":                   {rule(domain.All), true},
		"a rule of nothing":                    {rule(domain.None, is("x", "b")), true},
		"a rule of an unknown type":            {rule("SOME", is("x", "b")), false},
	} {
		f := domain.FeatureState{Feature: domain.Feature{ID: 1, Name: "f"}}
		p, _ := Compile(&domain.Environment{APIKey: "e", FeatureStates: []domain.FeatureState{f},
			Segments: []domain.Segment{{ID: "1", Rules: []domain.Rule{c.rule}, Overrides: []domain.FeatureState{f}}}})
		e := p.newEvaluation()
		e.begin(id)
		if tried := e.segments[0] == 1; tried != c.tried {
			t.Errorf("%s: tried %t, want %t", name, tried, c.tried)
		}
	}
}

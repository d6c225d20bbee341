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

package engine_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// The outcome of one feature is the same whether it is evaluated alone or with the others,
// also when conditions read flags.
func TestEvaluateOne(t *testing.T) {
	compare := func(p *engine.Program, id *domain.Identity) {
		t.Helper()
		first := p.EvaluateOne(0, id)
		for i, want := range p.Evaluate(nil, id) {
			if got := p.EvaluateOne(i, id); got != want || i == 0 && first != want {
				t.Fatalf("feature %d of %+v: outcome %d, want %d", i, id, got, want)
			}
		}
	}
	for _, r := range recordings(t, readOwn) {
		p, _ := engine.Compile(r.environment)
		for _, request := range r.Requests {
			if request.id != nil {
				compare(p, request.id)
			}
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		p, _ := compileText(t, tangle(r))
		for _, id := range []*domain.Identity{{Identifier: "u1"}, {Identifier: "u2", Traits: []domain.Trait{{Key: "plan", Value: domain.StringValue("1")}}}} {
			compare(p, id)
		}
	}
}

// Segments that do not override the feature are not matched, whatever they cost.
func TestEvaluateOneMatchesOnlySegmentsOfTheFeature(t *testing.T) {
	p, problems := compileText(t, `{"api_key":"env","name":"n","project":{"segments":[
		{"id":1,"name":"s","rules":[{"type":"ALL","conditions":[{"operator":"REGEX","property_":"x","value":"(a|aa)+(?=b)1"}]}],"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true}]},
		{"id":2,"name":"t","rules":[{"type":"ALL","conditions":[{"operator":"IS_SET","property_":"x","value":null}]}],"feature_states":[{"feature":{"id":2,"name":"b"},"enabled":true}]}]},
		"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":false},{"feature":{"id":2,"name":"b"},"enabled":false},{"feature":{"id":3,"name":"c"},"enabled":false}]}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	id := &domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(strings.Repeat("a", 2000))}}}
	for i, cut := range []bool{true, false, false} {
		before := p.CutOffs()
		outcome := p.Outcomes()[p.EvaluateOne(i, id)]
		after := p.CutOffs()
		if after != before != cut || outcome.Enabled != (outcome.Feature.Name == "b") {
			t.Errorf("feature %d: %+v, cut off %v, then %v", i, outcome, before, after)
		}
	}
}

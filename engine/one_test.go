package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// The outcome of one feature is the same whether it is evaluated alone or with the others,
// also when conditions read flags.
func TestEvaluateOne(t *testing.T) {
	compare := func(p *engine.Program, id *domain.Identity) {
		t.Helper()
		for i, want := range p.Evaluate(nil, id) {
			if got := p.EvaluateOne(i, id); got != want {
				t.Fatalf("feature %d of %+v: outcome %d, want %d", i, id, got, want)
			}
		}
	}
	forEachRecording(t, func(r recording) {
		p, _ := compileText(t, string(r.Document))
		for _, request := range r.Requests {
			if request.Identity == nil {
				continue
			}
			id := &domain.Identity{Identifier: request.Identity.Identifier}
			for _, trait := range request.Identity.Traits {
				id.Traits = append(id.Traits, domain.Trait{Key: trait.Key, Value: valueFrom(trait.Value)})
			}
			compare(p, id)
		}
	})
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		p, _ := compileText(t, tangle(r))
		for _, id := range []*domain.Identity{{Identifier: "u1"}, {Identifier: "u2", Traits: []domain.Trait{{Key: "plan", Value: domain.StringValue("1")}}}} {
			compare(p, id)
		}
	}
}

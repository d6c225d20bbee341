package engine_test

import (
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// explained is an environment in which every feature has another reason. The weights
// of split and segmented add up to 100 and those of partly to 0, so that the identity
// does not matter.
const explained = `{"api_key":"env","name":"Test","project":{"segments":[
	{"id":7,"name":"premium","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"EQUAL","property_":"plan","value":"premium"}]}],"feature_states":[
		{"feature":{"id":2,"name":"overridden"},"enabled":true,"feature_state_value":"segment","django_id":21},
		{"feature":{"id":3,"name":"mine"},"enabled":true,"feature_state_value":"segment","django_id":31},
		{"feature":{"id":5,"name":"segmented"},"enabled":true,"feature_state_value":"control","django_id":51,"multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":100,"multivariate_feature_option":{"value":"all"}}]}]},
	{"id":8,"name":"everybody","rules":[{"type":"ALL","rules":[],"conditions":[]}],"feature_states":[
		{"feature":{"id":2,"name":"overridden"},"enabled":true,"feature_state_value":"weak","django_id":22,"feature_segment":{"priority":9}},
		{"feature":{"id":2,"name":"overridden"},"enabled":true,"feature_state_value":"strong","django_id":23,"feature_segment":{"priority":1}}]}]},
	"feature_states":[
		{"feature":{"id":1,"name":"plain"},"enabled":true,"feature_state_value":"own","django_id":1},
		{"feature":{"id":2,"name":"overridden"},"enabled":true,"feature_state_value":"own","django_id":2},
		{"feature":{"id":3,"name":"mine"},"enabled":true,"feature_state_value":"own","django_id":3},
		{"feature":{"id":4,"name":"split"},"enabled":true,"feature_state_value":"control","django_id":4,"multivariate_feature_state_values":[
			{"id":2,"percentage_allocation":99.5,"multivariate_feature_option":{"value":"second","key":"middle"}},
			{"id":1,"percentage_allocation":0,"multivariate_feature_option":{"value":"first"}},
			{"id":3,"percentage_allocation":0.5,"multivariate_feature_option":{"value":"third"}}]},
		{"feature":{"id":5,"name":"segmented"},"enabled":true,"feature_state_value":"own","django_id":5},
		{"feature":{"id":6,"name":"partly"},"enabled":true,"feature_state_value":"control","django_id":6,"multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":0,"multivariate_feature_option":{"value":"nobody"}}]}],
	"identity_overrides":[{"identifier":"chosen","identity_features":[{"feature":{"id":3,"name":"mine"},"enabled":true,"feature_state_value":"identity"}]}]}`

func TestExplain(t *testing.T) {
	p, problems := compileText(t, explained)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	premium, everybody := engine.SegmentName{ID: "7", Name: "premium"}, engine.SegmentName{ID: "8", Name: "everybody"}
	plan := []domain.Trait{{Key: "plan", Value: domain.StringValue("premium")}}
	type reasons struct {
		value string
		engine.Explanation
	}
	own := func(value string) reasons { return reasons{value, engine.Explanation{}} }
	static := reasons{"own", engine.Explanation{Static: true}}
	strong := reasons{"strong", engine.Explanation{Source: engine.FromSegment, Segment: everybody}}
	second := reasons{"second", engine.Explanation{Variants: 3, Variant: 2, VariantKey: "middle", Weight: 99.5}}
	control := func(variants int) reasons { return reasons{"control", engine.Explanation{Variants: variants}} }
	for _, test := range []struct {
		name string
		id   *domain.Identity
		want []reasons
	}{
		{"no identity", nil, []reasons{static, strong, own("own"), control(3), own("own"), control(1)}},
		{"nobody in particular", &domain.Identity{Identifier: "u"}, []reasons{static, strong, own("own"), second, own("own"), control(1)}},
		{"a segment", &domain.Identity{Identifier: "u", Traits: plan}, []reasons{static, strong,
			{"segment", engine.Explanation{Source: engine.FromSegment, Segment: premium}}, second,
			{"all", engine.Explanation{Source: engine.FromSegment, Segment: premium, Variants: 1, Variant: 1, Weight: 100}}, control(1)}},
		{"an override of its own", &domain.Identity{Identifier: "chosen", Traits: plan}, []reasons{static, strong,
			{"identity", engine.Explanation{Source: engine.FromIdentity}}, second,
			{"all", engine.Explanation{Source: engine.FromSegment, Segment: premium, Variants: 1, Variant: 1, Weight: 100}}, control(1)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i, got := range p.Explain(nil, test.id) {
				want := test.want[i]
				if value := p.Outcomes()[got.Outcome].Value.Text(); value != want.value {
					t.Errorf("feature %d is %q, want %q", i, value, want.value)
				}
				want.Outcome = got.Outcome
				if got != want.Explanation {
					t.Errorf("feature %d: %+v\nwant %+v", i, got, want.Explanation)
				}
			}
		})
	}
}

// Explanations have the outcomes of evaluations.
func TestExplanationsAgreeWithTheRecordedEvaluations(t *testing.T) {
	outcomes := func(explanations []engine.Explanation) (ids []engine.OutcomeID) {
		for _, x := range explanations {
			ids = append(ids, x.Outcome)
		}
		return ids
	}
	asked := 0
	forEachRecording(t, func(r recording) {
		p, _ := compileText(t, string(r.Document))
		if got := outcomes(p.Explain(nil, nil)); !slices.Equal(got, p.Flags()) {
			t.Errorf("without an identity: %v, want %v", got, p.Flags())
		}
		for _, request := range r.Requests {
			if request.Identity == nil {
				continue
			}
			id := &domain.Identity{Identifier: request.Identity.Identifier}
			for _, trait := range request.Identity.Traits {
				id.Traits = append(id.Traits, domain.Trait{Key: trait.Key, Value: valueFrom(trait.Value)})
			}
			asked++
			if got, want := outcomes(p.Explain(nil, id)), p.Evaluate(nil, id); !slices.Equal(got, want) {
				t.Errorf("%q: %v, want %v", id.Identifier, got, want)
			}
		}
	})
	if asked == 0 {
		t.Error("no recorded identity")
	}
}

func TestExplainAppends(t *testing.T) {
	p, _ := compileText(t, explained)
	first := p.Explain(nil, &domain.Identity{Identifier: "chosen"})
	both := p.Explain(slices.Clone(first), &domain.Identity{Identifier: "chosen"})
	if !slices.Equal(both[:len(first)], first) || !slices.Equal(both[len(first):], first) {
		t.Errorf("%+v behind %+v", both[len(first):], first)
	}
}

func BenchmarkExplain(b *testing.B) {
	p, _ := compileText(b, string(profile.Document(profile.Default())))
	id, dst := profileIdentity(), make([]engine.Explanation, 0, p.Len())
	b.ReportAllocs()
	for b.Loop() {
		dst = p.Explain(dst[:0], id)
	}
}

package engine_test

import (
	"reflect"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
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

func TestOutcomesSayWhy(t *testing.T) {
	p, problems := compileText(t, explained)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	premium, everybody := &engine.SegmentName{ID: "7", Name: "premium"}, &engine.SegmentName{ID: "8", Name: "everybody"}
	plan := []domain.Trait{{Key: "plan", Value: domain.StringValue("premium")}}
	key := domain.StringValue
	weight := domain.NumberValue
	of := func(value string, o engine.Outcome) engine.Outcome {
		o.Value = domain.StringValue(value)
		return o
	}
	own := of("own", engine.Outcome{Reason: engine.Default})
	static := of("own", engine.Outcome{Reason: engine.Static})
	strong := of("strong", engine.Outcome{Reason: engine.TargetingMatch, Source: engine.FromSegment, Segment: everybody})
	second := of("second", engine.Outcome{Reason: engine.Split, Choice: &engine.Choice{Number: 2, Variant: key("middle"), Weight: weight("99.5")}})
	plain := of("control", engine.Outcome{Reason: engine.Static, Choice: &engine.Choice{}})
	control := of("control", engine.Outcome{Reason: engine.Static, Choice: &engine.Choice{Variant: key("control")}})
	all := of("all", engine.Outcome{Reason: engine.Split, Source: engine.FromSegment, Segment: premium, Choice: &engine.Choice{Number: 1, Weight: weight("100")}})
	for _, test := range []struct {
		name string
		id   *domain.Identity
		want []engine.Outcome
	}{
		{"no identity", nil, []engine.Outcome{static, strong, own, plain, own, plain}},
		{"nobody in particular", &domain.Identity{Identifier: "u"}, []engine.Outcome{static, strong, own, second, own, control}},
		{"a segment", &domain.Identity{Identifier: "u", Traits: plan}, []engine.Outcome{static, strong,
			of("segment", engine.Outcome{Reason: engine.TargetingMatch, Source: engine.FromSegment, Segment: premium}), second, all, control}},
		{"an override of its own", &domain.Identity{Identifier: "chosen", Traits: plan}, []engine.Outcome{static, strong,
			of("identity", engine.Outcome{Reason: engine.TargetingMatch, Source: engine.FromIdentity}), second, all, control}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ids := p.Flags()
			if test.id != nil {
				ids = p.Evaluate(nil, test.id)
			}
			for i, id := range ids {
				got, want := p.Outcomes()[id], test.want[i]
				want.Feature, want.Enabled = got.Feature, true
				if !reflect.DeepEqual(got, want) {
					t.Errorf("feature %d: %+v, %+v\nwant %+v, %+v", i, got, got.Choice, want, want.Choice)
				}
			}
		})
	}
}

func TestReasonsInTheWordsOfTheEngine(t *testing.T) {
	segment := &engine.SegmentName{ID: "7", Name: "premium"}
	weight := func(token string) *engine.Choice { return &engine.Choice{Weight: domain.NumberValue(token)} }
	for want, o := range map[string]engine.Outcome{
		"STATIC":                           {Reason: engine.Static},
		"DEFAULT":                          {Reason: engine.Default},
		"TARGETING_MATCH; segment=premium": {Reason: engine.TargetingMatch, Source: engine.FromSegment, Segment: segment},
		"TARGETING_MATCH; segment=identity_overrides": {Reason: engine.TargetingMatch, Source: engine.FromIdentity},
		"SPLIT; weight=30":                            {Reason: engine.Split, Choice: weight("30")},
		"SPLIT; weight=30.0":                          {Reason: engine.Split, Choice: weight("30.0")},
		"SPLIT; weight=1e-05":                         {Reason: engine.Split, Choice: weight("0.00001"), Source: engine.FromSegment, Segment: segment},
		"ERROR; code=CIRCULAR_DEPENDENCY":             {Reason: engine.Circular, Source: engine.FromSegment, Segment: segment},
	} {
		if got := string(o.AppendReason(nil)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

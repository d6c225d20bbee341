package domain_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

const overridable = `{"api_key":"k","name":"<Shop> & more","big":12345678901234567890.10,"feature_states":[
 {"django_id":1,"enabled":true,"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"feature_state_value":"old","multivariate_feature_state_values":[{"id":1,"percentage_allocation":50,"multivariate_feature_option":{"value":"b"}}]},
 {"django_id":2,"enabled":true,"feature":{"id":2,"name":"banner","type":"STANDARD"},"feature_state_value":7}],
 "project":{"name":"P","segments":[{"id":1,"name":"s","rules":[],"feature_states":[
  {"django_id":3,"enabled":true,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"feature_state_value":"seg"},
  {"django_id":4,"enabled":false,"feature":{"id":2,"name":"banner","type":"STANDARD"},"feature_state_value":null}]}]},
 "identity_overrides":[{"identifier":"ada","identity_features":[{"enabled":true,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"feature_state_value":"own"}]}]}`

func TestWithOverrides(t *testing.T) {
	overrides := map[string]domain.FeatureOverride{"checkout": {Enabled: false, Value: json.RawMessage(`"safe"`)}, "nope": {Enabled: true}}
	body, err := domain.WithOverrides([]byte(overridable), overrides)
	if err != nil {
		t.Fatal(err)
	}
	again, err := domain.WithOverrides([]byte(overridable), overrides)
	if err != nil || string(again) != string(body) {
		t.Errorf("another result: %s %v", again, err)
	}
	e, problems, err := domain.ParseEnvironment(string(body))
	if err != nil || len(problems) != 0 {
		t.Fatalf("%v %v in %s", err, problems, body)
	}
	if fs := e.FeatureStates[0]; fs.Enabled || fs.Value.Text() != "safe" || len(fs.Variants) != 0 || !fs.ByOperator {
		t.Errorf("the feature: %+v", fs)
	}
	if fs := e.FeatureStates[1]; !fs.Enabled || fs.Value.Text() != "7" || fs.ByOperator || e.Name != "<Shop> & more" {
		t.Errorf("the other feature: %+v", fs)
	}
	if s := e.Segments[0].Overrides; len(s) != 1 || s[0].Feature.Name != "banner" {
		t.Errorf("the segment: %+v", s)
	}
	if i := e.IdentityOverrides; len(i) != 1 || len(i[0].Features) != 0 {
		t.Errorf("the identity: %+v", i)
	}
	kept, err := domain.WithOverrides([]byte(overridable), map[string]domain.FeatureOverride{"checkout": {Enabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	if e, _, _ := domain.ParseEnvironment(string(kept)); e.FeatureStates[0].Value.Text() != "old" || !e.FeatureStates[0].Enabled {
		t.Errorf("without a value: %+v", e.FeatureStates[0])
	}
}

func TestWithOverridesOfWhatIsNotADocument(t *testing.T) {
	overrides := map[string]domain.FeatureOverride{"checkout": {}}
	for _, body := range []string{``, `[]`, `7`, `{"feature_states":{}}`, `{"project":[]}`, `{"identity_overrides":[7]}`, `{"project":{"segments":[{"feature_states":"x"}]}}`} {
		if _, err := domain.WithOverrides([]byte(body), overrides); !errors.Is(err, domain.ErrUnusable) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestFeatureOverrideValues(t *testing.T) {
	for _, value := range []string{`"x"`, `7`, `1.5`, `true`, `null`} {
		if err := (domain.FeatureOverride{Value: json.RawMessage(value)}).Valid(); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
	for _, value := range []string{`{}`, `[1]`, `x`, ``} {
		if err := (domain.FeatureOverride{Value: json.RawMessage(value)}).Valid(); err == nil {
			t.Errorf("%s is allowed", value)
		}
	}
}

package inspect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const shopText = `{"api_key":"shop","name":"Shop","updated_at":"2026-01-02T03:04:05Z","feature_states":[
	{"django_id":42,"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"v1","multivariate_feature_state_values":[
		{"id":1,"percentage_allocation":50,"multivariate_feature_option":{"value":"v2","key":"second"}}]},
	{"django_id":43,"feature":{"id":2,"name":"base"},"enabled":true,"feature_state_value":null},
	{"django_id":44,"feature":{"id":3,"name":"top"},"enabled":false,"feature_state_value":null}],
	"identity_overrides":[{"identifier":"bob","identity_features":[{"feature":{"id":1,"name":"checkout"},"enabled":false,"feature_state_value":7}]}],
	"project":{"server_key_only_feature_ids":[2],"segments":[
		{"id":7,"name":"adults","rules":[{"type":"ALL","rules":[],"conditions":[
			{"operator":"GREATER_THAN_INCLUSIVE","property_":"age","value":"18"},
			{"operator":"EQUAL","property_":"$.flags.base.enabled","value":"true"}]}],
		"feature_states":[{"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"adult","feature_segment":{"priority":1}}]},
		{"id":8,"name":"all","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"EQUAL","property_":"$.flags.checkout.enabled","value":"true"}]}],
		"feature_states":[{"feature":{"id":3,"name":"top"},"enabled":true,"feature_state_value":null}]}]}}`

func source(text string) inspect.Source { return inspect.Source{Name: "there", Text: text} }

func identity(t *testing.T, body string) *domain.Identity {
	t.Helper()
	id, err := inspect.ReadIdentity(body)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestExplain(t *testing.T) {
	e, err := inspect.Explain(source(shopText), inspect.Question{Identity: identity(t, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}`), Features: []string{"top", "checkout", "top"}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Environment != "shop" || e.Incomplete || len(e.Notes) > 0 || e.Document.UpdatedAt.Year() != 2026 || len(e.Document.SHA256) != 64 || len(e.Flags) != 2 {
		t.Errorf("explanation %+v", e)
	}
	const top = `{"feature":"top","enabled":true,"value":null,"variant":null,"reason":"TARGETING_MATCH; segment=all","steps":[` +
		`{"step":"identity_override","applies":false},` +
		`{"step":"segment","applies":true,"segment":{"id":"8","name":"all"},"priority":null,"matches":true,"rules":[{"type":"ALL","holds":true,` +
		`"conditions":[{"property":"$.flags.checkout.enabled","operator":"EQUAL","value":"true","seen":true,"seen_as":"boolean","holds":true}],"rules":[]}],"state":{"enabled":true,"value":null}},` +
		`{"step":"environment","applies":false,"state":{"enabled":false,"value":null}}],` +
		`"dependencies":[{"feature":"checkout","enabled":true,"value":"v2","variant":"second","reason":"SPLIT; weight=50","dependencies":[{"feature":"base","enabled":true,"value":null,"variant":null,"reason":"STATIC"}]}]}`
	if got := asJSON(t, e.Flags[0]); got != top {
		t.Errorf("got  %s\nwant %s", got, top)
	}
	const segment = `{"step":"segment","applies":false,"segment":{"id":"7","name":"adults"},"priority":1,"rules":[{"type":"ALL","holds":false,"conditions":[` +
		`{"property":"age","operator":"GREATER_THAN_INCLUSIVE","value":"18","seen":17,"seen_as":"integer","holds":false,"decisive":true},` +
		`{"property":"$.flags.base.enabled","operator":"EQUAL","value":"true","seen":true,"seen_as":"boolean","holds":true}],"rules":[]}],"state":{"enabled":true,"value":"adult"}}`
	if got := asJSON(t, e.Flags[1].Steps[1]); got != segment {
		t.Errorf("got  %s\nwant %s", got, segment)
	}
	split := e.Flags[1].Steps[2].State.Split
	if split == nil || split.Hashed != "42,shop_ada" || len(split.Options) != 1 || !split.Options[0].Chosen {
		t.Errorf("split %+v", split)
	}
	var again inspect.Explanation
	if err := json.Unmarshal([]byte(asJSON(t, e)), &again); err != nil || asJSON(t, again) != asJSON(t, e) {
		t.Errorf("the JSON cannot be read back: %v", err)
	}
}

// A large document does not make an answer that is many times as large: rules are left
// out, and what flags are is not.
func TestExplanationsAreBounded(t *testing.T) {
	document := string(profile.Document(profile.Size{Features: 200, Segments: 50, Conditions: 15}))
	e, err := inspect.Explain(source(document), inspect.Question{})
	if err != nil || len(e.Flags) != 200 {
		t.Fatal(err)
	}
	if size := len(asJSON(t, e)); size > 10<<20 {
		t.Errorf("%d bytes about a document of %d", size, len(document))
	}
	first, last := e.Flags[0].Steps[1], e.Flags[199].Steps[1]
	if first.Omitted || len(first.Rules) == 0 || !last.Omitted || len(last.Rules) > 0 {
		t.Errorf("first %+v, last %+v", first, last)
	}
	name := e.Flags[199].Feature
	if e, err := inspect.Explain(source(document), inspect.Question{Features: []string{name}}); err != nil || e.Flags[0].Steps[1].Omitted {
		t.Errorf("alone, %s: %+v, %v", name, e, err)
	}
}

// Exactly one step applies: the strongest.
func TestOneStepApplies(t *testing.T) {
	for body, want := range map[string]string{
		`{"identifier":"bob","traits":[{"trait_key":"age","trait_value":20}]}`: inspect.StepIdentity,
		`{"identifier":"ada","traits":[{"trait_key":"age","trait_value":20}]}`: inspect.StepSegment,
		`{"identifier":"ada"}`: inspect.StepEnvironment,
	} {
		e, err := inspect.Explain(source(shopText), inspect.Question{Identity: identity(t, body)})
		if err != nil || len(e.Flags) != 3 {
			t.Fatal(e, err)
		}
		for _, f := range e.Flags {
			var applying []string
			for _, s := range f.Steps {
				if s.Applies {
					applying = append(applying, s.Kind)
				}
			}
			if len(applying) != 1 || f.Feature == "checkout" && applying[0] != want {
				t.Errorf("%s, %s: %v apply", body, f.Feature, applying)
			}
			if f.Hidden != (f.Feature == "base") {
				t.Errorf("%s is hidden: %v", f.Feature, f.Hidden)
			}
		}
	}
}

func TestExplainWithoutAnIdentity(t *testing.T) {
	e, err := inspect.Explain(source(shopText), inspect.Question{Features: []string{"checkout"}})
	if err != nil {
		t.Fatal(err)
	}
	f := e.Flags[0]
	if f.Reason != "DEFAULT" || string(f.Value) != `"v1"` || f.Steps[2].State.Split != nil || f.Steps[1].Rules[0].Conditions[0].SeenAs != "" {
		t.Errorf("flag %s", asJSON(t, f))
	}
}

func TestNotesSayWhatRequestsSeeOtherwise(t *testing.T) {
	text := strings.NewReplacer(`"project":{`, `"allow_client_traits":false,"project":{"organisation":{"stop_serving_flags":true},`).Replace(shopText)
	e, err := inspect.Explain(source(text), inspect.Question{Identity: identity(t, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}`)})
	if err != nil || len(e.Notes) != 2 || !strings.Contains(e.Notes[0], "403") || !strings.Contains(e.Notes[1], "allow_client_traits") {
		t.Errorf("notes %q, %v", e.Notes, err)
	}
	if e, err = inspect.Explain(source(text), inspect.Question{Identity: identity(t, `{"identifier":"ada"}`)}); err != nil || len(e.Notes) != 1 {
		t.Errorf("notes about an identity without traits: %q, %v", e.Notes, err)
	}
}

func TestExplainErrors(t *testing.T) {
	var unknown *inspect.UnknownFeatureError
	if _, err := inspect.Explain(source(shopText), inspect.Question{Features: []string{"checkout", "Checkout"}}); !errors.As(err, &unknown) || unknown.Feature != "Checkout" || unknown.Known != 3 {
		t.Errorf("error %v", err)
	}
	if _, err := inspect.Explain(source(`{}`), inspect.Question{}); !errors.Is(err, domain.ErrUnusable) {
		t.Errorf("error %v", err)
	}
}

// A flag in a cycle is shown once among its own dependencies.
func TestDependenciesInACycle(t *testing.T) {
	text := strings.Replace(shopText, `$.flags.base.enabled`, `$.flags.top.enabled`, 1)
	e, err := inspect.Explain(source(text), inspect.Question{Identity: identity(t, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":20}]}`), Features: []string{"checkout"}})
	if err != nil {
		t.Fatal(err)
	}
	f := e.Flags[0]
	if len(f.Dependencies) != 1 || f.Dependencies[0].Feature != "top" || len(f.Dependencies[0].Dependencies) != 1 || !f.Dependencies[0].Dependencies[0].Repeated {
		t.Errorf("dependencies %s", asJSON(t, f.Dependencies))
	}
	if !strings.HasPrefix(f.Reason, "ERROR; code=CIRCULAR") || f.Steps[1].Matches {
		t.Errorf("flag %s", asJSON(t, f))
	}
}

// A flag that depends on many is shown with a thousand of them.
func TestDependenciesAreBounded(t *testing.T) {
	for many, want := range map[int]int{1000: 1000, 1001: 1000} {
		var states, conditions strings.Builder
		for i := range many {
			fmt.Fprintf(&states, `{"django_id":%d,"feature":{"id":%[1]d,"name":"f%[1]d"},"enabled":true,"feature_state_value":null},`, 100+i)
			fmt.Fprintf(&conditions, `,{"operator":"EQUAL","property_":"$.flags.f%d.enabled","value":"true"}`, 100+i)
		}
		text := strings.NewReplacer(`"feature_states":[
	{"django_id":42`, `"feature_states":[`+states.String()+`{"django_id":42`, `,
			{"operator":"EQUAL","property_":"$.flags.base.enabled","value":"true"}`, conditions.String()).Replace(shopText)
		e, err := inspect.Explain(source(text), inspect.Question{Features: []string{"checkout"}})
		if err != nil || len(e.Flags[0].Dependencies) != want {
			t.Errorf("of %d: %d, %v", many, len(e.Flags[0].Dependencies), err)
		}
	}
}

func TestExplainBoth(t *testing.T) {
	other := strings.NewReplacer(`"value":"18"`, `"value":"16"`, `"name":"top"`, `"name":"above"`).Replace(shopText)
	id := identity(t, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}`)
	e, different, err := inspect.ExplainBoth(source(shopText), source(other), inspect.Question{Identity: id})
	if err != nil || len(e.Flags) != 3 || len(different) != 3 {
		t.Fatalf("%d differ, %v", len(different), err)
	}
	checkout, top, above := different[0], different[1], different[2]
	if checkout.Feature != "checkout" || string(checkout.Here.Value) != `"v2"` || string(checkout.There.Value) != `"adult"` {
		t.Errorf("checkout %s", asJSON(t, checkout))
	}
	if top.Feature != "top" || top.There != nil || above.Feature != "above" || above.Here != nil {
		t.Errorf("top %s, above %s", asJSON(t, top), asJSON(t, above))
	}
	if _, different, err := inspect.ExplainBoth(source(shopText), source(shopText), inspect.Question{Identity: id}); err != nil || len(different) != 0 {
		t.Errorf("a document differs from itself: %s, %v", asJSON(t, different), err)
	}
	if _, different, err := inspect.ExplainBoth(source(shopText), source(other), inspect.Question{Features: []string{"top"}}); err != nil || len(different) != 1 {
		t.Errorf("%s, %v", asJSON(t, different), err)
	}
	var unknown *inspect.UnknownFeatureError
	if _, _, err := inspect.ExplainBoth(source(shopText), source(other), inspect.Question{Features: []string{"neither"}}); !errors.As(err, &unknown) {
		t.Errorf("error %v", err)
	}
	if _, _, err := inspect.ExplainBoth(inspect.Source{Text: shopText}, source(`[]`), inspect.Question{}); !errors.Is(err, domain.ErrUnusable) || !strings.HasPrefix(err.Error(), "there: ") {
		t.Errorf("error %v", err)
	}
}

func TestComparer(t *testing.T) {
	other := strings.NewReplacer(`"value":"18"`, `"value":"16"`, `"name":"top"`, `"name":"above"`).Replace(shopText)
	c, err := inspect.NewComparer(source(shopText), source(other))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Result(); !r.Different || r.Compared != 0 || r.Environments != [2]string{"shop", "shop"} {
		t.Errorf("%+v", r)
	}
	c.Identity(1, identity(t, `{"identifier":"bob"}`))
	c.Identity(5, identity(t, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}`))
	r := c.Result()
	if r.Compared != 2 || len(r.Identities) != 2 || len(r.Identities[0].Flags) != 2 || r.Identities[1].Number != 5 {
		t.Fatalf("%s", asJSON(t, r))
	}
	const checkout = `{"feature":"checkout","before":{"enabled":true,"value":"v2","variant":"second"},"after":{"enabled":true,"value":"adult","variant":null}}`
	if got := asJSON(t, r.Identities[1].Flags[0]); got != checkout {
		t.Errorf("got %s, want %s", got, checkout)
	}
	if _, err := inspect.NewComparer(source(shopText), source(`{}`)); !errors.Is(err, domain.ErrUnusable) {
		t.Errorf("error %v", err)
	}
}

// A flag has changed for an identity if any of what it sees of the flag has.
func TestComparerOfOneDifference(t *testing.T) {
	for name, replace := range map[string][2]string{
		"enabled": {`"name":"base"},"enabled":true`, `"name":"base"},"enabled":false`},
		"value":   {`"value":"v2"`, `"value":"v3"`},
		"variant": {`"key":"second"`, `"key":"third"`},
	} {
		c, err := inspect.NewComparer(source(shopText), source(strings.Replace(shopText, replace[0], replace[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		c.Identity(1, identity(t, `{"identifier":"ada"}`))
		if r := c.Result(); len(r.Identities) != 1 || len(r.Identities[0].Flags) != 1 {
			t.Errorf("another %s: %s", name, asJSON(t, r))
		}
	}
}

// Documents of the same meaning are the same for every identity.
func TestComparerOfEqualDocuments(t *testing.T) {
	c, err := inspect.NewComparer(source(shopText), source(strings.ReplaceAll(shopText, "2026-01-02", "2026-02-03")))
	if err != nil {
		t.Fatal(err)
	}
	c.Identity(1, identity(t, `{"identifier":"ada"}`))
	if r := c.Result(); r.Different || len(r.Identities) > 0 || r.Compared != 1 {
		t.Errorf("%s", asJSON(t, r))
	}
}

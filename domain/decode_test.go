package domain_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

const smallest = `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[]}}`

func TestUsableDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"smallest":        smallest,
		"unknown fields":  `{"x":{"y":[1]},"api_key":"k","name":"n","feature_states":[],"project":{"z":0,"segments":[]},"w":null}`,
		"null parts":      `{"api_key":"k","name":"n","feature_states":[],"identity_overrides":null,"hide_disabled_flags":null,"updated_at":"2026-01-02T03:04:05Z","project":{"segments":[],"server_key_only_feature_ids":null,"hide_disabled_flags":null}}`,
		"last key counts": `{"api_key":1,"api_key":"k","name":"n","feature_states":{},"feature_states":[],"project":{"segments":[]}}`,
	} {
		e, problems, err := domain.ParseEnvironment(text)
		if err != nil || e.APIKey != "k" || e.Name != "n" || len(problems) > 0 {
			t.Errorf("%s: %+v, %v, %v", name, e, problems, err)
		}
	}
}

func TestUnusableDocumentsSayWhatIsMissing(t *testing.T) {
	for text, want := range map[string]string{
		``:                                       "cut off",
		`{`:                                      "cut off",
		`null`:                                   "it is null, not an object",
		`[]`:                                     "it is a list, not an object",
		`"x"`:                                    "it is a text, not an object",
		`<html><body>502</body></html>`:          "expected a value at byte 0",
		`{}`:                                     "api_key is missing or not a text, name is missing or not a text, feature_states is missing or not a list, project.segments is missing or not a list",
		smallest + `x`:                           "unexpected text after the value",
		strings.Replace(smallest, `"k"`, `5`, 1): "api_key is missing or not a text",
		strings.Replace(smallest, `"n"`, `null`, 1):          "name is missing",
		strings.Replace(smallest, `[]`, `{}`, 1):             "feature_states is missing or not a list",
		strings.Replace(smallest, `{"segments":[]}`, `5`, 1): "project.segments is missing",
		strings.Replace(smallest, `"segments":[]`, ``, 1):    "project.segments is missing",
		smallest[:len(smallest)-3]:                           "cut off",
	} {
		_, _, err := domain.ParseEnvironment(text)
		if !errors.Is(err, domain.ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for _, text := range []string{
		"2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678901Z", "2026-01-02T05:04:05.678901+02:00", "2026-01-02T05:04:05.678901+0200",
		"2026-01-02T03:04:05.678901", "2026-01-02 03:04:05.678901+00:00", "2026-01-02 03:04:05.678901",
	} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `{`, `{"updated_at":"`+text+`",`, 1))
		if err != nil || len(problems) > 0 || !e.UpdatedAt.Equal(want) {
			t.Errorf("%s: %v, %v, %v", text, e.UpdatedAt, problems, err)
		}
	}
}

func TestMalformedPartsAreLeftOutAndReported(t *testing.T) {
	state := func(extra string) string {
		return `[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":1` + extra + `}]`
	}
	for _, c := range []struct{ field, want string }{
		{`"feature_states":[5]`, "feature_states[0]: expected an object, found a number: the feature state is left out"},
		{`"feature_states":[{"enabled":true}]`, "feature_states[0]: its feature needs a name that is a text and an id that is an integer: the feature state is left out"},
		{`"feature_states":[{"feature":{"id":"1","name":"a"},"enabled":true}]`, "feature_states[0]: its feature needs a name"},
		{`"feature_states":[{"feature":{"id":1,"name":"a"}}]`, "feature_states[0]: enabled is missing or not true or false: the feature is disabled"},
		{`"feature_states":` + state(`,"feature_segment":{"priority":"1"}`), "feature_states[0].feature_segment.priority: a priority must be a number"},
		{`"feature_states":` + state(`,"multivariate_feature_state_values":[{"id":1,"multivariate_feature_option":{"value":1}}]`), "multivariate_feature_state_values[0]: percentage_allocation is missing or not a number: the variant is left out"},
		{`"feature_states":` + state(`,"multivariate_feature_state_values":[{"id":1,"percentage_allocation":5}]`), "multivariate_feature_option has no value"},
		{`"feature_states":` + state(`,"multivariate_feature_state_values":[{"percentage_allocation":5,"mv_fs_value_uuid":"zz","multivariate_feature_option":{"value":1}}]`), "it has no id and no valid mv_fs_value_uuid"},
		{`"feature_states":` + state(`,"multivariate_feature_state_values":[{"id":1,"percentage_allocation":5,"multivariate_feature_option":{"value":1}}]`), "it has variants, but no django_id and no featurestate_uuid"},
		{`"project":{"segments":[{"name":"s"}]}`, "project.segments[0]: it has no id that is a number or a text: the segment is left out"},
		{`"project":{"segments":[{"id":1,"rules":5}]}`, "project.segments[0].rules: expected a list, found a number: it is treated as empty"},
		{`"project":{"segments":[{"id":1,"rules":[{"type":"ALL","conditions":[{"operator":"EQUAL","property_":5}]}]}]}`, "conditions[0].property_: a property must be a text or null: the condition never holds"},
		{`"project":{"segments":[],"server_key_only_feature_ids":[1,"x"]}`, "project.server_key_only_feature_ids[1]: a feature id must be an integer: it is left out"},
		{`"hide_disabled_flags":"yes"`, "hide_disabled_flags: expected true, false or null, found a text: it is treated as null"},
		// Of a list, the element is named.
		{`"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true},5]`, "feature_states[1]: expected an object"},
		{`"feature_states":` + state(`,"django_id":1,"multivariate_feature_state_values":[{"id":1,"percentage_allocation":5,"multivariate_feature_option":{"value":1}},{"id":2,"percentage_allocation":5}]`), "multivariate_feature_state_values[1]: multivariate_feature_option has no value"},
		{`"project":{"segments":[{"id":1,"rules":[{"type":"ALL"},5]}]}`, "rules[1]: expected an object"},
		{`"project":{"segments":[{"id":1,"rules":[{"type":"ALL","conditions":[{"operator":"IS_SET","property_":"a"},{"operator":"EQUAL","property_":5}]}]}]}`, "conditions[1].property_"},
		{`"identity_overrides":[{"identifier":"a","identity_features":[]},5]`, "identity_overrides[1]: expected an object"},
		{`"feature_states":` + state(`,"multivariate_feature_state_values":[{"id":0,"percentage_allocation":5,"multivariate_feature_option":{"value":1}}]`), "it has no id and no valid mv_fs_value_uuid"},
		{`"identity_overrides":[{"identifier":5}]`, "identity_overrides[0]: it has no identifier that is a text"},
	} {
		_, problems, err := domain.ParseEnvironment(strings.TrimSuffix(smallest, "}") + "," + c.field + "}")
		if err != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
			t.Errorf("%s: %v, %v, want one problem with %q", c.field, problems, err, c.want)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[`+strings.Repeat("1,", 5000)+`1]`, 1))
	if err != nil || len(problems) != 100 {
		t.Errorf("%d problems, %v", len(problems), err)
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	rules := strings.Repeat(`{"type":"ALL","rules":[`, 100_000)
	_, _, err := domain.ParseEnvironment(`{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[{"id":1,"rules":[` + rules)
	if !errors.Is(err, domain.ErrUnusable) || !strings.Contains(err.Error(), "nested too deeply") {
		t.Error(err)
	}
}

func TestVariantsStayInDocumentOrderAndKnowTheirRank(t *testing.T) {
	e, _, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"django_id":5,"multivariate_feature_state_values":[
		{"id":null,"mv_fs_value_uuid":"00000000-0000-0001-0000-000000000000","percentage_allocation":1,"multivariate_feature_option":{"value":"uuid"}},
		{"id":0,"mv_fs_value_uuid":"00000000000000000000000000000007","percentage_allocation":1,"multivariate_feature_option":{"value":"seven"}},
		{"id":12,"percentage_allocation":1,"multivariate_feature_option":{"value":"twelve"}}]}]`, 1))
	if err != nil {
		t.Fatal(err)
	}
	v := e.FeatureStates[0].Variants
	if len(v) != 3 || v[0].Value.Text() != "uuid" || v[1].Order.Compare(v[2].Order) >= 0 || v[2].Order.Compare(v[0].Order) >= 0 {
		t.Errorf("%+v", v)
	}
}

func TestVariantsMayHaveNames(t *testing.T) {
	for option, want := range map[string]domain.Value{
		`{"id":5,"key":"blue \"sky\"","value":1}`:  domain.StringValue(`blue "sky"`),
		`{"value":1,"key":"first","key":"second"}`: domain.StringValue("second"),
		`{"value":1}`:            {},
		`{"value":1,"key":null}`: {},
		`{"value":1,"key":""}`:   domain.StringValue(""),
		`{"value":1,"key":7}`:    {},
		`{"value":1,"key":{}}`:   {},
	} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"django_id":5,"multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":1,"multivariate_feature_option":`+option+`}]}]`, 1))
		if err != nil || len(problems) > 0 {
			t.Fatal(option, err, problems)
		}
		if v := e.FeatureStates[0].Variants; len(v) != 1 || v[0].Key != want || v[0].Value.Text() != "1" {
			t.Errorf("%s: %+v", option, v)
		}
	}
}

// A list that is null is empty, which can change who matches: so it is reported.
func TestNullsWhereListsBelong(t *testing.T) {
	const text = `{"api_key":"k","name":"n","updated_at":null,"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"multivariate_feature_state_values":null,"feature_segment":null,"metadata":null}],
		"project":{"organisation":null,"segments":[{"id":1,"rules":null,"feature_states":null},{"id":2,"rules":[{"type":"ALL","conditions":null,"rules":null}]},null]},
		"identity_overrides":[{"identifier":"u","identity_features":null}]}`
	_, problems, err := domain.ParseEnvironment(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Path+": "+p.What)
	}
	want := []string{
		"updated_at: expected a time in ISO 8601, found null",
		"feature_states[0].multivariate_feature_state_values: expected a list, found null",
		"project.segments[0].rules: expected a list, found null",
		"project.segments[0].feature_states: expected a list, found null",
		"project.segments[1].rules[0].conditions: expected a list, found null",
		"project.segments[1].rules[0].rules: expected a list, found null",
		"project.segments[2]: expected an object, found null",
		"identity_overrides[0].identity_features: expected a list, found null",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestServingSettings(t *testing.T) {
	for settings, want := range map[string]domain.Serving{
		`"x":1`:                       {},
		`"allow_client_traits":true`:  {},
		`"allow_client_traits":null`:  {},
		`"allow_client_traits":false`: {IgnoreClientTraits: true},
		`"hide_sensitive_data":true`:  {HideTraits: true},
		`"hide_sensitive_data":null`:  {},
	} {
		e, problems, err := domain.ParseEnvironment("{" + settings + "," + smallest[1:])
		if err != nil || len(problems) > 0 || e.Serving != want {
			t.Errorf("%s: %+v, %v, %v", settings, e.Serving, problems, err)
		}
	}
	for organisation, want := range map[string]bool{`{"stop_serving_flags":true}`: true, `{"stop_serving_flags":false}`: false, `{}`: false, `null`: false} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"project":{`, `"project":{"organisation":`+organisation+`,`, 1))
		if err != nil || e.Serving.Stopped != want || len(problems) > 0 != want {
			t.Errorf("%s: %+v, %v, %v", organisation, e.Serving, problems, err)
		}
	}
	for composite, want := range map[string]int{"false": 1, "true": 0, "null": 0} {
		_, problems, err := domain.ParseEnvironment(`{"use_identity_composite_key_for_hashing":` + composite + "," + smallest[1:])
		if err != nil || len(problems) != want || want == 1 && problems[0].Path != "use_identity_composite_key_for_hashing" {
			t.Errorf("%s: %v, %v", composite, problems, err)
		}
	}
}

// The environment's own setting wins, whatever it is; without one the project's applies.
func TestHideDisabledFlags(t *testing.T) {
	for _, c := range []struct {
		own, project string
		want         bool
	}{
		{"null", "true", true}, {"null", "false", false}, {"null", "null", false},
		{"true", "false", true}, {"true", "null", true},
		{"false", "true", false}, {"false", "null", false},
	} {
		text := strings.Replace(smallest, `"project":{`, `"hide_disabled_flags":`+c.own+`,"project":{"hide_disabled_flags":`+c.project+`,`, 1)
		e, problems, err := domain.ParseEnvironment(text)
		if err != nil || len(problems) > 0 || e.HideDisabledFlags != c.want {
			t.Errorf("%s in the environment, %s in the project: %v, want %v (%v, %v)", c.own, c.project, e.HideDisabledFlags, c.want, problems, err)
		}
	}
}

// Ids of segments and of feature states may be numbers or texts, which split percentages
// alike.
func TestIdsMayBeTexts(t *testing.T) {
	for id, want := range map[string]string{`7`: "7", `"7"`: "7", `"abc"`: "abc"} {
		e, problems, err := domain.ParseEnvironment(`{"api_key":"k","name":"n","project":{"segments":[{"id":` + id + `}]},` +
			`"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"django_id":` + id + `}]}`)
		if err != nil || len(problems) > 0 || e.Segments[0].ID != want || e.FeatureStates[0].Key != want {
			t.Errorf("%s: %+v, %v, %v", id, e, problems, err)
		}
	}
}

// A feature state without a number of its own splits identities by its uuid.
func TestStatesWithoutAnID(t *testing.T) {
	for ids, want := range map[string]string{
		`"featurestate_uuid":"u","django_id":0`:    "u",
		`"featurestate_uuid":"u","django_id":null`: "u",
		`"featurestate_uuid":"u","django_id":{}`:   "u",
		`"featurestate_uuid":"u","django_id":7`:    "7",
		`"featurestate_uuid":"u"`:                  "u",
	} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,`+ids+`}]`, 1))
		if err != nil || len(problems) > 0 || e.FeatureStates[0].Key != want {
			t.Errorf("%s: %+v, %v, %v", ids, e, problems, err)
		}
	}
}

func TestPriorities(t *testing.T) {
	for segment, want := range map[string]domain.Value{
		`{"priority":2}`:    domain.NumberValue("2"),
		`{"priority":-1.5}`: domain.NumberValue("-1.5"),
		`{"priority":null}`: {},
		`{}`:                {},
		`null`:              {},
	} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"segments":[]`, `"segments":[{"id":1,"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_segment":`+segment+`}]}]`, 1))
		if err != nil || len(problems) > 0 || e.Segments[0].Overrides[0].Priority != want {
			t.Errorf("%s: %+v, %v, %v", segment, e, problems, err)
		}
	}
}

// A uuid is ordered by all of its 16 bytes.
func TestVariantsAreOrderedByTheWholeUUID(t *testing.T) {
	e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"django_id":5,"multivariate_feature_state_values":[
		{"mv_fs_value_uuid":"01020304-0506-0708-090a-0b0c0d0e0f10","percentage_allocation":1,"multivariate_feature_option":{"value":1}}]}]`, 1))
	want := domain.VariantOrder{High: 0x0102030405060708, Low: 0x090a0b0c0d0e0f10}
	if err != nil || len(problems) > 0 || e.FeatureStates[0].Variants[0].Order != want {
		t.Errorf("%+v, %v, %v", e, problems, err)
	}
}

func TestVariantOrders(t *testing.T) {
	ascending := []domain.VariantOrder{{}, {Low: 1}, {Low: 9}, {High: 1}, {High: 1, Low: 8}, {High: 2, Low: 3}}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Compare(b); got != cmp.Compare(i, j) {
				t.Errorf("%v and %v: %d", a, b, got)
			}
		}
	}
}

// A message quotes no more than the first 80 bytes of a text, and no half of a character.
func TestMessagesQuoteTheBeginningOfLongTexts(t *testing.T) {
	for text, quoted := range map[string]string{
		"yesterday":                        "yesterday",
		strings.Repeat("x", 80):            strings.Repeat("x", 80),
		strings.Repeat("x", 81):            strings.Repeat("x", 80) + "…",
		strings.Repeat("x", 79) + "éé and": strings.Repeat("x", 79) + "…",
	} {
		e, problems, err := domain.ParseEnvironment(`{"updated_at":"` + text + `",` + smallest[1:])
		if want := `updated_at: "` + quoted + `" is not a time in ISO 8601: `; err != nil || !e.UpdatedAt.IsZero() || len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
			t.Errorf("%s: %v, %v, want %s", text, problems, err, want)
		}
	}
}

func TestMetadataIsKeptAsItIs(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"experiment": {"id":3 ,"x":1.50}}`: `{"experiment": {"id":3 ,"x":1.50}}`,
		`{"a":1},"metadata":{"b":"\u00e9"}`:  `{"b":"\u00e9"}`,
		`{}`:                                 "",
		`{ }`:                                "",
		`null`:                               "",
		`{"a":1},"metadata":null`:            "",
	} {
		e, problems, err := domain.ParseEnvironment(strings.Replace(smallest, `"feature_states":[]`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"metadata":`+metadata+`}]`, 1))
		if err != nil || len(problems) > 0 || e.FeatureStates[0].Metadata != want {
			t.Errorf("%s: %+v, %v, %v", metadata, e.FeatureStates, problems, err)
		}
	}
}

func FuzzParseEnvironment(f *testing.F) {
	f.Add(smallest)
	f.Add(strings.Replace(smallest, `[]`, `[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":[1,{"a":null}]}]`, 1))
	f.Fuzz(func(t *testing.T, text string) {
		e, problems, err := domain.ParseEnvironment(text)
		if (e == nil) != (err != nil) || err != nil && !errors.Is(err, domain.ErrUnusable) {
			t.Fatalf("%v, %v", e, err)
		}
		for _, p := range problems {
			if p.Path == "" || p.What == "" || p.Effect == "" {
				t.Fatalf("incomplete problem %+v", p)
			}
			if len(fmt.Sprint(p)) > 1000 {
				t.Fatalf("endless problem of %d bytes", len(fmt.Sprint(p)))
			}
		}
	})
}

package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// document is an environment with the features a and b, segment 1 overriding a to
// "on" under the given rules, and whatever else is to be in the document.
func document(rules, more string) string {
	return fmt.Sprintf(`{"api_key":"env","name":"Test","updated_at":"2026-01-02T03:04:05Z",
	"project":{"segments":[{"id":1,"name":"s","rules":%s,"feature_states":[
		{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":"on","django_id":11}]}]},
	"feature_states":[
		{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":"off","django_id":1},
		{"feature":{"id":2,"name":"b","type":"MULTIVARIATE"},"enabled":false,"feature_state_value":null,"django_id":2}]%s}`, rules, more)
}

func condition(operator, property, value string) string {
	return fmt.Sprintf(`[{"type":"ALL","conditions":[{"operator":%q,"property_":%q,"value":%s}],"rules":[]}]`, operator, property, value)
}

func valueOfA(p *engine.Program, id *domain.Identity) string {
	return p.Outcomes()[p.Evaluate(nil, id)[0]].Value.Text()
}

func TestProblemsNameThePlaceAndTheEffect(t *testing.T) {
	const first = "project.segments[0].rules[0].conditions[0]: "
	for name, c := range map[string]struct{ rules, more, want string }{
		"unknown operator":          {rules: condition("EQUALS", "x", `"1"`), want: first + `unknown operator "EQUALS": the condition never holds`},
		"longest operator":          {rules: condition(strings.Repeat("X", 80), "x", `"1"`), want: first + `unknown operator "` + strings.Repeat("X", 80) + `": the condition never holds`},
		"longer operator":           {rules: condition(strings.Repeat("X", 79)+"éé", "x", `"1"`), want: first + `unknown operator "` + strings.Repeat("X", 79) + `…": the condition never holds`},
		"modulo of a number":        {rules: condition("MODULO", "x", `5`), want: first + `MODULO takes "divisor|remainder", two numbers, not "5"`},
		"no operator":               {rules: condition("", "x", `"1"`), want: first + `it has no operator: the condition never holds`},
		"invalid regex":             {rules: condition("REGEX", "x", `"("`), want: first},
		"modulo by zero":            {rules: condition("MODULO", "x", `"0|1"`), want: first + `MODULO by zero: the condition never holds`},
		"modulo without a bar":      {rules: condition("MODULO", "x", `"5"`), want: first + `MODULO takes "divisor|remainder", two numbers, not "5"`},
		"not a percentage":          {rules: condition("PERCENTAGE_SPLIT", "", `"half"`), want: first + `PERCENTAGE_SPLIT takes a percentage, not "half"`},
		"percentage of null":        {rules: condition("PERCENTAGE_SPLIT", "", `null`), want: first + `PERCENTAGE_SPLIT takes a percentage`},
		"not a version":             {rules: condition("GREATER_THAN", "x", `"1.2:semver"`), want: first + `"1.2" is not a SemVer 2 version`},
		"list for a text":           {rules: condition("EQUAL", "x", `["1"]`), want: first + `EQUAL takes a text, not a list or an object`},
		"number for a list":         {rules: condition("IN", "x", `5`), want: first + `IN takes a list`},
		"unknown rule type":         {rules: `[{"type":"SOME","conditions":[],"rules":[]}]`, want: `project.segments[0].rules[0]: unknown rule type "SOME"`},
		"rule that is a text":       {rules: `["x"]`, want: `project.segments[0].rules[0]: expected an object, found a text: the rule never holds`},
		"identity override":         {rules: `[]`, more: `,"identity_overrides":[{"identifier":"u","identity_features":[{"feature":{"id":9,"name":"z"},"enabled":true,"feature_state_value":1}]}]`, want: `identity "u" overrides feature "z", which the environment lacks: the override does nothing`},
		"override without identity": {rules: `[]`, more: `,"identity_overrides":[{"identity_features":[]}]`, want: `identity_overrides[0]: it has no identifier that is a text: the identity override is left out`},
		"updated_at":                {rules: `[]`, more: `,"updated_at":"yesterday"`, want: `updated_at: "yesterday" is not a time in ISO 8601`},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := compileText(t, document(c.rules, c.more))
			found := false
			for _, problem := range problems {
				found = found || strings.Contains(problem.String(), c.want)
			}
			if !found || len(problems) != 1 {
				t.Errorf("problems %v, want one with %q", problems, c.want)
			}
			for _, x := range []string{"", "0", "1", "a", "("} {
				id := &domain.Identity{Identifier: "i", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(x)}}}
				if got := valueOfA(p, id); got != "off" {
					t.Errorf("x=%q: a is %q, want the environment's own state", x, got)
				}
			}
		})
	}
}

func TestVersionsOfAnySizeCompare(t *testing.T) {
	for _, c := range []struct {
		operator, trait, version string
		want                     bool
	}{
		{"GREATER_THAN", "99999999999999999999.0.0", "1.2.3", true}, {"LESS_THAN", "18446744073709551615.0.0", "18446744073709551616.0.0", true},
		{"EQUAL", "1.99999999999999999999.0", "1.99999999999999999999.0+build", true}, {"GREATER_THAN", "1.0.0-99999999999999999999", "1.0.0-99999999999999999998", true},
		{"GREATER_THAN", "1.0.0-10", "1.0.0-9", true}, {"GREATER_THAN", "1.0.0-a", "1.0.0-99", true}, {"GREATER_THAN", "1.0.0-a.1", "1.0.0-a", true}, {"LESS_THAN", "1.0.0-rc.1", "1.0.0", true}, {"LESS_THAN", "1.0.0-A", "1.0.0-a", true},
		{"EQUAL", "1.0.0--", "1.0.0--", true}, {"NOT_EQUAL", "1.0.0-0a", "1.0.0", true}, {"NOT_EQUAL", "1.0.0-01", "1.0.0", false}, {"NOT_EQUAL", "1.0.0\n", "2.0.0", false}, {"NOT_EQUAL", "1.0.0-", "2.0.0", false},
		{"NOT_EQUAL", "1.0.0+", "2.0.0", false}, {"NOT_EQUAL", "1.0.0-a..b", "2.0.0", false}, {"NOT_EQUAL", "01.0.0", "2.0.0", false}, {"NOT_EQUAL", "1.0", "2.0.0", false}, {"NOT_EQUAL", "1.0.0.0", "2.0.0", false}, {"NOT_EQUAL", "1.0.٣", "2.0.0", false},
		{"NOT_EQUAL", "v1.0.0", "2.0.0", false}, {"NOT_EQUAL", "", "2.0.0", false}, {"NOT_EQUAL", "1.0.0", "2.0.0-é", false},
	} {
		p, _ := compileText(t, document(condition(c.operator, "v", `"`+c.version+`:semver"`), ""))
		id := &domain.Identity{Traits: []domain.Trait{{Key: "v", Value: domain.StringValue(c.trait)}}}
		if got := valueOfA(p, id) == "on"; got != c.want {
			t.Errorf("%q %s %q: %v, want %v", c.trait, c.operator, c.version, got, c.want)
		}
	}
}

// Of the identities, u8345 has a percentage of exactly 50 in segment 1.
func TestPercentagesIncludeTheirLimit(t *testing.T) {
	for limit, want := range map[string]string{"49.995": "off", "50": "on", "50.005": "on"} {
		p, problems := compileText(t, document(condition("PERCENTAGE_SPLIT", "", limit), ""))
		if got := valueOfA(p, &domain.Identity{Identifier: "u8345"}); got != want || len(problems) > 0 {
			t.Errorf("%s %%: %q, %v, want %q", limit, got, problems, want)
		}
	}
}

func TestMembersOfListsReadAsPythonShowsThem(t *testing.T) {
	for list, member := range map[string]string{
		`["a"]`: "a", `[true]`: "True", `[[1e5]]`: "[100000.0]", `[[1, "a", null, 1.50]]`: "[1, 'a', None, 1.5]", `[{"b":[],"a":{}}]`: "{'b': [], 'a': {}}", `[{"b":1,"a":2,"b":3}]`: "{'b': 3, 'a': 2}", `[[1e400]]`: "[inf]",
		`[["it's"]]`: `["it's"]`, `[["it's \"x\""]]`: `['it\'s "x"']`, `[["\\ \n\r\t\u0000\u007f"]]`: `['\\ \n\r\t\x00\x7f']`,
		`[["é日🙂"]]`: "['é日🙂']", `[["\u00a0\u00ad\u2028\u3000\ue000\ufeff\udb40\udc01"]]`: `['\xa0\xad\u2028\u3000\ue000\ufeff\U000e0001']`,
	} {
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{list, string(text)} { // a list, and a text that is one
			p, _ := compileText(t, document(condition("IN", "x", value), ""))
			id := &domain.Identity{Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(member)}}}
			if got := valueOfA(p, id); got != "on" {
				t.Errorf("%s is not in %s", member, value)
			}
		}
	}
}

func TestPropertiesThatAreJSONPaths(t *testing.T) {
	const more = `,"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":"off","django_id":1,"feature_segment":{"priority":5},
		"multivariate_feature_state_values":[{"id":1,"percentage_allocation":0,"multivariate_feature_option":{"value":7}},{"id":2,"percentage_allocation":0.0,"multivariate_feature_option":{"value":null,"key":"dark"}},
		{"mv_fs_value_uuid":"00000000-0000-0000-8000-000000000000","percentage_allocation":0,"multivariate_feature_option":{"value":8}},
		{"mv_fs_value_uuid":"00000000-0000-0001-0000-000000000005","percentage_allocation":0,"multivariate_feature_option":{"value":9}}]}]`
	id := &domain.Identity{Identifier: "someone", Traits: []domain.Trait{{Key: "$.named.so", Value: domain.BoolValue(true)}, {Key: "user-id", Value: domain.StringValue("u1")},
		{Key: "$.twice", Value: domain.StringValue("first")}, {Key: "$.twice", Value: domain.StringValue("second")}}}
	for _, c := range []struct {
		operator, path, value string
		want                  bool
	}{
		{"EQUAL", "$.identity.traits.user-id", `"u1"`, true},
		{"EQUAL", "$.named.so", `"true"`, true},
		{"EQUAL", "$.identity.traits[?@=='u1']", `"u1"`, true},
		{"EQUAL", "$.identity.traits['$.named.so']", `"true"`, true},
		{"EQUAL", "$.identity.traits['$.twice']", `"second"`, true},
		{"IS_SET", "$.identity.traits['$.nothing']", `null`, false},
		{"EQUAL", "$.identity.*", `"someone"`, true},
		{"IS_SET", "$.identity.traits", `null`, false},
		// Numbers of the document are of the type that they have there.
		{"REGEX", "$.features.a.priority", `"5$"`, true},
		{"REGEX", "$.features.a.variants[0].weight", `"0$"`, true},
		{"REGEX", "$.features.a.variants[1].weight", `"0.0$"`, true},
		{"EQUAL", "$.features.a.variants[1].key", `"dark"`, true},
		{"IS_SET", "$.features.a.variants[0].key", `null`, false},
		{"EQUAL", "$.features.a.variants[0].priority", `"1"`, true},
		{"EQUAL", "$.features.a.variants[2].priority", `"9223372036854775808"`, true},
		{"EQUAL", "$.features.a.variants[3].priority", `"18446744073709551621"`, true},
		{"IS_SET", "$.features[?@.variants].name", `null`, true},
		{"IS_SET", "$.segments['1'].overrides[?@.variants].name", `null`, false},
		// What is not there matches nothing in a filter, of features and of traits.
		{"IS_SET", "$.features[?match(@.nothing,'x')].name", `null`, false},
		{"IS_SET", "$.features[?search(@.name,@.nothing)].name", `null`, false},
		{"IS_SET", "$.identity.traits[?match(@.nothing,'x')]", `null`, false},
	} {
		p, problems := compileText(t, document(condition(c.operator, c.path, c.value), more))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := valueOfA(p, id) == "on"; got != c.want {
			t.Errorf("%s %s %s: %v, want %v", c.path, c.operator, c.value, got, c.want)
		}
	}
}

func TestOverrideOfAMissingFeatureIsReportedAndDoesNothing(t *testing.T) {
	text := strings.Replace(document(condition("IS_SET", "x", `""`), ""), `"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":"on"`,
		`"id":7,"name":"gone","type":"STANDARD"},"enabled":true,"feature_state_value":"on"`, 1)
	p, problems := compileText(t, text)
	if len(problems) != 1 || !strings.Contains(problems[0].String(), `overrides feature "gone", which the environment lacks`) {
		t.Errorf("problems %v", problems)
	}
	if p.Len() != 2 {
		t.Errorf("%d features, want 2", p.Len())
	}
}

func TestIdentityOverridesApplyToTheirIdentifierExactly(t *testing.T) {
	for _, identifier := range []string{"007", "7", "1.5", "-0", "0", "true", "", "日本語"} {
		text := document(`[]`, fmt.Sprintf(`,"identity_overrides":[{"identifier":%q,"identity_features":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":"mine"}]}]`, identifier))
		p, _ := compileText(t, text)
		for _, other := range []string{"007", "7", "1.5", "-0", "0", "true", "", "日本語"} {
			want := "off"
			if other == identifier {
				want = "mine"
			}
			if got := valueOfA(p, &domain.Identity{Identifier: other}); got != want {
				t.Errorf("override for %q, identity %q: %s, want %s", identifier, other, got, want)
			}
		}
	}
}

func TestValuesThatPythonTakesForEqualStayApart(t *testing.T) {
	var overrides []string
	values := []string{`1`, `1.0`, `true`, `"1"`, `0`, `false`, `null`, `""`}
	for i, v := range values {
		overrides = append(overrides, fmt.Sprintf(`{"identifier":"u%d","identity_features":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":%s}]}`, i, v))
	}
	p, _ := compileText(t, document(`[]`, `,"identity_overrides":[`+strings.Join(overrides, ",")+`]`))
	for i, want := range values {
		o := p.Outcomes()[p.Evaluate(nil, &domain.Identity{Identifier: fmt.Sprintf("u%d", i)})[0]]
		if got := string(o.Value.AppendJSON(nil)); got != want {
			t.Errorf("u%d: %s, want %s", i, got, want)
		}
	}
}

func TestTheFirstOfSeveralIdentityOverridesWinsPerFeature(t *testing.T) {
	entry := func(name, value string) string {
		return fmt.Sprintf(`{"identifier":"u","identity_features":[{"feature":{"id":1,"name":%q},"enabled":true,"feature_state_value":%q}]}`, name, value)
	}
	p, _ := compileText(t, document(`[]`, `,"identity_overrides":[`+entry("a", "first")+`,`+entry("a", "second")+`,`+entry("b", "third")+`]`))
	out := p.Evaluate(nil, &domain.Identity{Identifier: "u"})
	if a, b := p.Outcomes()[out[0]].Value.Text(), p.Outcomes()[out[1]].Value.Text(); a != "first" || b != "third" {
		t.Errorf("a is %q and b is %q, want first and third", a, b)
	}
}

func TestHiddenOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		environment, project, only string
		a, b                       bool // hidden
	}{
		"nothing hidden":                   {"null", "false", "[]", false, false},
		"disabled flags hidden by project": {"null", "true", "[]", false, true},
		"the environment's own setting":    {"false", "true", "[]", false, false},
		"disabled hidden by environment":   {"true", "false", "[]", false, true},
		"server-key-only feature":          {"null", "false", "[1]", true, false},
		"an id must be an integer":         {"null", "false", `["1"]`, false, false},
	} {
		text := document(`[]`, `,"hide_disabled_flags":`+c.environment)
		text = strings.Replace(text, `"project":{`, `"project":{"hide_disabled_flags":`+c.project+`,"server_key_only_feature_ids":`+c.only+`,`, 1)
		p, _ := compileText(t, text)
		a, b := p.Outcomes()[p.Flags()[0]].Hidden, p.Outcomes()[p.Flags()[1]].Hidden
		if a != c.a || b != c.b {
			t.Errorf("%s: a hidden %v, b hidden %v, want %v, %v", name, a, b, c.a, c.b)
		}
	}
}

func TestARunawayRegularExpressionIsCutOff(t *testing.T) {
	p, _ := compileText(t, document(condition("REGEX", "x", `"(a+)+\\1$"`), ""))
	id := &domain.Identity{Identifier: "i", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(strings.Repeat("a", 1999) + "b")}}}
	done := make(chan string, 1)
	go func() { done <- valueOfA(p, id) }()
	select {
	case got := <-done:
		if got != "off" {
			t.Errorf("a is %q, want no match", got)
		}
	case <-time.After(10 * time.Second): // it would take longer than the universe
		t.Fatal("the match does not end")
	}
}

// profileIdentity has 15 traits of which several segments of the profile match.
func profileIdentity() *domain.Identity {
	id := &domain.Identity{Identifier: "user-1"}
	for i := range 15 {
		value := []string{fmt.Sprintf("v%d", i), "100", "xpart7y", "x3", fmt.Sprintf("v12-%d", i)}[i%5]
		id.Traits = append(id.Traits, domain.Trait{Key: fmt.Sprintf("trait_%d_%d", i, i), Value: domain.StringValue(value)})
	}
	return id
}

func BenchmarkProfile(b *testing.B) {
	text := string(profile.Document(profile.Default()))
	parsed, _, err := domain.ParseEnvironment(text)
	if err != nil {
		b.Fatal(err)
	}
	p, _ := engine.Compile(parsed)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, _, err := domain.ParseEnvironment(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			engine.Compile(parsed)
		}
	})
	b.Run("identity", func(b *testing.B) {
		b.ReportAllocs()
		id, dst := profileIdentity(), make([]engine.OutcomeID, 0, p.Len())
		for b.Loop() {
			dst = p.Evaluate(dst[:0], id)
		}
	})
}

// BenchmarkSegments shows that the cost of an evaluation follows the segments
// that an identity is about, not how many there are.
func BenchmarkSegments(b *testing.B) {
	for _, n := range []int{15, 200, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var segments []string
			for i := range n {
				rules := condition("EQUAL", fmt.Sprintf("t%d", i%10), fmt.Sprintf(`"v%d"`, i))
				if i%2 == 1 {
					rules = condition("IN", fmt.Sprintf("t%d", i%10), fmt.Sprintf(`"v%d,w%d"`, i, i))
				}
				segments = append(segments, fmt.Sprintf(`{"id":%d,"name":"s","rules":%s,"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":%d}]}`, i+1, rules, i))
			}
			text := `{"api_key":"e","name":"n","updated_at":"2026-01-02T03:04:05Z","project":{"segments":[` + strings.Join(segments, ",") + `]},"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":""}]}`
			p, _ := compileText(b, text)
			id := &domain.Identity{Identifier: "u"}
			for i := range 10 {
				id.Traits = append(id.Traits, domain.Trait{Key: fmt.Sprintf("t%d", i), Value: domain.StringValue(fmt.Sprintf("v%d", i))})
			}
			var dst []engine.OutcomeID
			b.ReportAllocs()
			for b.Loop() {
				dst = p.Evaluate(dst[:0], id)
			}
		})
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(document(condition("EQUAL", "x", `"1"`), ""), "u", "x", "1")
	f.Add(document(condition("REGEX", "$.identity.identifier", `"(a|b)+\\1"`), ""), "ab", "y", "-1.5")
	f.Add(document(condition("IN", "$..key", `"[1,2"`), ""), "", "", "")
	f.Add(document(condition("PERCENTAGE_SPLIT", "", `"50"`), `,"identity_overrides":[{"identifier":"u","identity_features":null}]`), "u", "x", "nan")
	f.Fuzz(func(t *testing.T, text, identifier, key, value string) {
		parsed, _, err := domain.ParseEnvironment(text)
		if err != nil {
			return
		}
		p, _ := engine.Compile(parsed)
		for _, v := range []domain.Value{domain.StringValue(value), valueFrom([]byte(value)), domain.BoolValue(true), {}} {
			out := p.Evaluate(nil, &domain.Identity{Identifier: identifier, Traits: []domain.Trait{{Key: key, Value: v}}})
			if len(out) != p.Len() || len(p.Flags()) != p.Len() {
				t.Fatalf("%d and %d outcomes for %d features", len(out), len(p.Flags()), p.Len())
			}
			for _, id := range append(out, p.Flags()...) {
				if int(id) >= len(p.Outcomes()) {
					t.Fatalf("outcome %d of %d", id, len(p.Outcomes()))
				}
			}
		}
	})
}

// FuzzConditions feeds arbitrary operators, properties and values.
func FuzzConditions(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, operator := range strings.Fields("EQUAL NOT_EQUAL GREATER_THAN LESS_THAN_INCLUSIVE CONTAINS NOT_CONTAINS REGEX MODULO IN PERCENTAGE_SPLIT IS_SET IS_NOT_SET") {
		f.Add(operator, "x", fmt.Sprint(r.IntN(100)), "1.5")
		f.Add(operator, "$.identity.traits.x", "1.2.3:semver", "1.2.3-a")
	}
	f.Fuzz(func(t *testing.T, operator, property, value, trait string) {
		c := domain.Condition{Operator: operator, Property: property, Value: domain.StringValue(value)}
		a := domain.FeatureState{Feature: domain.Feature{ID: 1, Name: "a"}}
		on := a
		on.Enabled = true
		p, _ := engine.Compile(&domain.Environment{
			APIKey: "env", Name: "n", FeatureStates: []domain.FeatureState{a},
			Segments: []domain.Segment{{ID: "1", Rules: []domain.Rule{{Type: domain.All, Conditions: []domain.Condition{c}}}, Overrides: []domain.FeatureState{on}}},
		})
		first := p.Evaluate(nil, &domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(trait)}, {Key: property, Value: domain.StringValue(trait)}}})
		again := p.Evaluate(nil, &domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "x", Value: domain.StringValue(trait)}, {Key: property, Value: domain.StringValue(trait)}}})
		if first[0] != again[0] {
			t.Fatalf("%+v: %d, then %d", c, first[0], again[0])
		}
	})
}

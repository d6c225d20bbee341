package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// flag is a flag as the recordings of engine 11 have it.
type flag struct {
	Feature  domain.Feature
	Enabled  bool
	Value    json.RawMessage `json:"feature_state_value"`
	Variant  *string
	Metadata json.RawMessage
}

// Every evaluation of the recordings of engine 11 that asks for an identity, with
// variant, reason and metadata.
func TestRecordedEvaluationsOfEngine11(t *testing.T) {
	asked, failures := 0, 0
	for _, r := range recordings(t, readEngine11) {
		p, _ := engine.Compile(r.environment)
		for _, request := range r.Requests {
			if request.Status != 200 || !strings.HasPrefix(string(request.Identity), "{") || !strings.Contains(string(request.Identity), `"identifier":"`) {
				continue
			}
			id := request.id
			var answer struct{ Flags []flag }
			if id == nil || json.Unmarshal(request.Response, &answer) != nil {
				t.Fatalf("%s", request.Response)
			}
			if strings.TrimSpace(id.Identifier) == "" {
				continue
			}
			asked++
			var got, want []string
			for _, i := range p.Evaluate(nil, id) {
				if o := &p.Outcomes()[i]; request.Key == "server" || !o.Hidden {
					got = append(got, fmt.Sprintf("%v %v %s %s %q %s", *o.Feature, o.Enabled, o.Value.AppendJSON(nil), o.Variant().AppendJSON(nil), o.AppendReason(nil), compact(o.Metadata)))
				}
			}
			for _, f := range answer.Flags {
				variant, _ := json.Marshal(f.Variant)
				want = append(want, fmt.Sprintf("%v %v %s %s %q %s", f.Feature, f.Enabled, valueFrom(f.Value).AppendJSON(nil), variant, request.Reasons[f.Feature.Name], compact(string(f.Metadata))))
			}
			if !slices.Equal(got, want) {
				if failures++; failures <= 3 {
					t.Errorf("identity %s\n got %s\nwant %s\ndocument %s", request.Identity, strings.Join(got, "\n     "), strings.Join(want, "\n     "), r.Document)
				}
			}
		}
	}
	if asked < 2000 || failures > 0 {
		t.Errorf("%d of %d evaluations differ", failures, asked)
	}
}

func compact(text string) string {
	if text == "" {
		return ""
	}
	v := valueFrom(json.RawMessage(text))
	return string(v.AppendJSON(nil))
}

// tangle is a document whose flags read each other at random.
func tangle(r *rand.Rand) string {
	features, segments := 1+r.IntN(6), 1+r.IntN(8)
	name := func() int { return r.IntN(features + 1) } // at times one that does not exist
	condition := func() string {
		if r.IntN(4) == 0 {
			return fmt.Sprintf(`{"operator":"EQUAL","property_":"plan","value":"%d"}`, r.IntN(2))
		}
		member := []string{"enabled", "value", "variant", "reason", "name", "metadata.id", "other"}[min(r.IntN(12), 6)]
		operator := []string{"EQUAL", "NOT_EQUAL", "IS_SET", "IS_NOT_SET"}[r.IntN(4)]
		value := []string{"true", "false", "on", "off", "a", "control", "DEFAULT", "f1", "1"}[r.IntN(9)]
		return fmt.Sprintf(`{"operator":%q,"property_":"$.flags.f%d.%s","value":%q}`, operator, name(), member, value)
	}
	var rule func(depth int) string
	rule = func(depth int) string {
		var conditions, rules []string
		for range r.IntN(4) {
			conditions = append(conditions, condition())
		}
		if depth < 2 {
			for range r.IntN(3) {
				rules = append(rules, rule(depth+1))
			}
		}
		return fmt.Sprintf(`{"type":%q,"conditions":[%s],"rules":[%s]}`, []string{"ALL", "ALL", "ANY", "NONE"}[r.IntN(4)], strings.Join(conditions, ","), strings.Join(rules, ","))
	}
	options := func() string {
		if r.IntN(4) > 0 {
			return ""
		}
		return fmt.Sprintf(`,"multivariate_feature_state_values":[{"id":1,"percentage_allocation":%d,"multivariate_feature_option":{"value":"on","key":"a"}}]`, 100*r.IntN(2))
	}
	state := func(feature, id int, more string) string {
		return fmt.Sprintf(`{"feature":{"id":%d,"name":"f%d","type":"STANDARD"},"enabled":%v,"feature_state_value":%q,"django_id":%d%s}`,
			feature+10*r.IntN(2), feature, r.IntN(2) == 0, []string{"on", "off", "1"}[r.IntN(3)], id, more)
	}
	var list, own, personal []string
	for i := range segments {
		var overrides []string
		for range r.IntN(4) {
			priority := ""
			if r.IntN(2) == 0 {
				priority = fmt.Sprintf(`,"feature_segment":{"priority":%d}`, r.IntN(3))
			}
			overrides = append(overrides, state(r.IntN(features), 100*i+len(overrides), priority+options()))
		}
		rules := []string{rule(0)}
		if r.IntN(3) == 0 {
			rules = append(rules, rule(0))
		}
		if r.IntN(10) == 0 {
			rules = nil
		}
		list = append(list, fmt.Sprintf(`{"id":%d,"name":"s%d","rules":[%s],"feature_states":[%s]}`, i+1, i+1, strings.Join(rules, ","), strings.Join(overrides, ",")))
	}
	for i := range features {
		own = append(own, state(i, 1000+i, options()))
	}
	if r.IntN(3) == 0 {
		personal = append(personal, fmt.Sprintf(`{"identifier":"u1","identity_features":[%s]}`, state(r.IntN(features), 1, "")))
	}
	return fmt.Sprintf(`{"api_key":"env","name":"n","project":{"segments":[%s]},"feature_states":[%s],"identity_overrides":[%s]}`,
		strings.Join(list, ","), strings.Join(own, ","), strings.Join(personal, ","))
}

// TestTangles compares the resolution of flags with a plain implementation that resolves
// flags in a cycle again each time they are read.
func TestTangles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rounds, circular := 250, 0
	for range rounds {
		text := tangle(r)
		document, _, err := domain.ParseEnvironment(text)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := engine.Compile(document)
		for _, id := range []*domain.Identity{nil, {Identifier: "u1"}, {Identifier: "u2", Traits: []domain.Trait{{Key: "plan", Value: domain.StringValue("1")}}}} {
			ids := p.Flags()
			if id != nil {
				ids = p.Evaluate(nil, id)
			}
			want := evaluatePlainly(document, id)
			for i, outcome := range ids {
				o := &p.Outcomes()[outcome]
				got := fmt.Sprintf("%v %v %s %s %s", o.Feature.ID, o.Enabled, o.Value.Text(), o.Variant().AppendJSON(nil), o.AppendReason(nil))
				if o.Reason == engine.Circular {
					circular++
				}
				if got != want[i] {
					t.Fatalf("f%d of %+v is\n%s, want\n%s\n%s", i, id, got, want[i], text)
				}
			}
		}
	}
	if circular < rounds/10 {
		t.Errorf("only %d flags were in a cycle", circular)
	}
}

// chain is a document of n flags, each of which is on when the one before is.
func chain(n int) string {
	return dependent(n, "ALL", func(i int) []int {
		if i == 0 {
			return nil
		}
		return []int{i - 1}
	})
}

// dependent is a document of n flags that are off. Flag i is on for a segment with a
// rule of the given type, which asks whether some others are on.
func dependent(n int, kind string, reads func(i int) []int) string {
	var segments, states []string
	for i := range n {
		var conditions []string
		for _, other := range reads(i) {
			conditions = append(conditions, fmt.Sprintf(`{"operator":"EQUAL","property_":"$.flags.f%d.enabled","value":"true"}`, other))
		}
		segments = append(segments, fmt.Sprintf(`{"id":%d,"name":"s%d","rules":[{"type":%q,"rules":[],"conditions":[%s]}],"feature_states":[{"feature":{"id":%d,"name":"f%d"},"enabled":true,"feature_state_value":null}]}`,
			i+1, i, kind, strings.Join(conditions, ","), i+1, i))
		states = append(states, fmt.Sprintf(`{"feature":{"id":%d,"name":"f%d"},"enabled":false,"feature_state_value":null}`, i+1, i))
	}
	// The last flags come first, so that each is read before it is resolved.
	slices.Reverse(segments)
	return fmt.Sprintf(`{"api_key":"env","name":"n","project":{"segments":[%s]},"feature_states":[%s]}`, strings.Join(segments, ","), strings.Join(states, ","))
}

func all(n int) func(int) []int {
	return func(int) (others []int) {
		for i := range n {
			others = append(others, i)
		}
		return others
	}
}

func TestLongChainsAndLargeTanglesOfFlags(t *testing.T) {
	for name, test := range map[string]struct {
		document string
		reason   engine.Reason
		problems int
	}{
		"a chain of 2000":                        {chain(2000), engine.TargetingMatch, 0},
		"a ring of 2000":                         {dependent(2000, "ALL", func(i int) []int { return []int{(i + 1999) % 2000} }), engine.Circular, 1},
		"150 that depend on each other":          {dependent(150, "ANY", all(150)), engine.Circular, 100},
		"one that depends on 3000":               {dependent(3001, "ALL", func(i int) []int { return all(3000)(i)[:i/3000*3000] }), engine.TargetingMatch, 0},
		"one that depends on 300 and they on it": {dependent(301, "ANY", func(i int) []int { return append(all(300)(i)[:i/300*300], 300-i/300) }), engine.Circular, 100},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := compileText(t, test.document)
			if len(problems) != test.problems {
				t.Errorf("%d problems, want %d", len(problems), test.problems)
			}
			for i, id := range p.Evaluate(nil, &domain.Identity{Identifier: "u"}) {
				if got := p.Outcomes()[id].Reason; got != test.reason {
					t.Fatalf("flag %d has reason %v, want %v", i, got, test.reason)
				}
			}
		})
	}
}

func TestCyclesAndMissingFlagsAreReported(t *testing.T) {
	reads := map[int][]int{0: {2}, 1: {0}, 2: {1}, 3: {3}, 4: {0, 9}, 5: {4}}
	_, problems := compileText(t, dependent(6, "ALL", func(i int) []int { return reads[i] }))
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		`project.segments[1].rules[0].conditions[1]: it depends on flag "f9", which the environment lacks: the condition finds no value`,
		"feature_states: flags depend on themselves: f0 → f2 → f1 → f0: the segments that read these flags do not apply to them",
		"feature_states: flags depend on themselves: f3 → f3: the segments that read these flags do not apply to them",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func BenchmarkDependencies(b *testing.B) {
	for _, document := range []struct{ name, text string }{
		{"chain5000", chain(5000)}, {"tangle300", dependent(300, "ANY", all(300))}, {"ring5000", dependent(5000, "ALL", func(i int) []int { return []int{(i + 4999) % 5000} })},
	} {
		b.Run(document.name, func(b *testing.B) {
			p, _ := compileText(b, document.text)
			id, dst := &domain.Identity{Identifier: "u"}, make([]engine.OutcomeID, 0, p.Len())
			b.ReportAllocs()
			for b.Loop() {
				dst = p.Evaluate(dst[:0], id)
			}
		})
	}
}

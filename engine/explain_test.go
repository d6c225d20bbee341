package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// concluded is the outcome of a feature that follows from the parts of its trace alone.
func concluded(trace *engine.FeatureTrace) *engine.Outcome {
	if trace.Identity != nil {
		return trace.Identity
	}
	state := trace.Default
	for _, s := range trace.Segments {
		if s.Matches {
			state = s.State
			break
		}
	}
	if state.Split == nil {
		return state.Outcome
	}
	for _, o := range state.Split.Options {
		if o.Chosen {
			return o.Outcome
		}
	}
	return state.Split.Control
}

func outcomeText(o *engine.Outcome) string {
	return fmt.Sprintf("%v %v %s %s %q %s", *o.Feature, o.Enabled, o.Value.AppendJSON(nil), o.Variant().AppendJSON(nil), o.Metadata, o.AppendReason(nil))
}

// hold combines rules by what their conditions say, and reports what is not the same
// in the trace.
func hold(t testing.TB, rules []engine.RuleTrace) bool {
	all := true
	for _, r := range rules {
		conditions, subrules := 0, 0
		for _, c := range r.Conditions {
			if c.Holds {
				conditions++
			}
		}
		for _, sub := range r.Rules {
			if hold(t, []engine.RuleTrace{sub}) {
				subrules++
			}
		}
		holds := false
		switch r.Type {
		case domain.All:
			holds = conditions == len(r.Conditions) && subrules == len(r.Rules)
		case domain.Any:
			holds = (conditions > 0 || len(r.Conditions) == 0) && (subrules > 0 || len(r.Rules) == 0)
		case domain.None:
			holds = conditions == 0 && subrules == 0
		}
		if holds != r.Holds {
			t.Errorf("a rule is said to be %v: %+v", r.Holds, r)
		}
		all = all && holds
	}
	return all
}

func decisive(rules []engine.RuleTrace) (marks int) {
	for _, r := range rules {
		for _, c := range r.Conditions {
			if c.Decisive {
				marks++
			}
		}
		marks += decisive(r.Rules)
	}
	return marks
}

// agreement counts what explanations of evaluations had.
type agreement struct{ features, segments, failed, cycles int }

// compare holds the explanation of every feature for id to its evaluation.
func (a *agreement) compare(t testing.TB, x *engine.Explainer, id *domain.Identity) {
	t.Helper()
	p := x.Program()
	want := p.Flags()
	if id != nil {
		want = p.Evaluate(nil, id)
	}
	features := make([]int, p.Len())
	for i := range features {
		features[i] = i
	}
	got := x.Explain(id, features)
	if len(got.Features) != len(want) || len(got.Outcomes) != len(want) {
		t.Fatalf("%d of %d features are explained", len(got.Features), len(want))
	}
	for i := range want {
		trace, o := &got.Features[i], &p.Outcomes()[want[i]]
		if got.Outcomes[i] != want[i] || trace.Outcome != want[i] {
			t.Fatalf("feature %d: the explained outcome is %d, want %d", i, trace.Outcome, want[i])
		}
		c := *concluded(trace)
		if o.Reason == engine.Circular {
			c.Reason = engine.Circular // beside what the flag is without its cycle
		}
		if c != *o && outcomeText(&c) != outcomeText(o) {
			t.Fatalf("feature %d of %+v: its trace leads to %s, want %s\n%+v", i, id, outcomeText(&c), outcomeText(o), trace)
		}
		a.features++
		applies := 0
		for _, s := range trace.Segments {
			a.segments++
			holds := len(s.Rules) > 0 && hold(t, s.Rules)
			switch s.Against {
			case engine.Nothing:
				if holds != s.Matches {
					t.Fatalf("feature %d: segment %v matches: %v, but its rules say %v", i, s.Segment, s.Matches, holds)
				}
			case engine.Cycle:
				a.cycles++
			case engine.Budget:
				t.Fatalf("feature %d: segment %v exceeds the budget", i, s.Segment)
			}
			if s.Applies {
				applies++
			}
			if marks := decisive(s.Rules); marks > 1 || holds && marks > 0 {
				t.Fatalf("feature %d: %d conditions decide that the rules of segment %v are %v", i, marks, s.Segment, holds)
			} else if marks == 1 {
				a.failed++
			}
		}
		fromSegment := trace.Identity == nil && o.Source == engine.FromSegment
		if applies > 1 || fromSegment && applies == 0 {
			t.Fatalf("feature %d: %d segments apply to %s", i, applies, outcomeText(o))
		}
	}
	if got.Incomplete {
		t.Fatal("the explanation is not complete")
	}
}

func explainer(t testing.TB, text string) *engine.Explainer {
	t.Helper()
	document, _, err := domain.ParseEnvironment(text)
	if err != nil {
		t.Fatal(err)
	}
	return engine.NewExplainer(document)
}

// TestExplanationsOfRecordings holds explanations to evaluation on every recorded case: those
// beside this package, and those of engines 10 and 11 in test/data.
func TestExplanationsOfRecordings(t *testing.T) {
	var a agreement
	cases := 0
	for _, read := range []func() ([]recording, error){readOwn, readEngine10, readEngine11} {
		for _, r := range recordings(t, read) {
			x := engine.NewExplainer(r.environment)
			for _, request := range r.Requests {
				cases++
				a.compare(t, x, request.id)
			}
		}
	}
	if cases != 5172+5600+3000 || a.segments < 10_000 || a.failed < 5_000 {
		t.Errorf("only %d cases were compared, with %+v", cases, a)
	}
}

// Explanations agree with evaluation where flags read each other at random, also in
// cycles.
func TestExplanationsOfTangles(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var a agreement
	for range 400 {
		x := explainer(t, tangle(r))
		for _, id := range []*domain.Identity{nil, {Identifier: "u1"}, {Identifier: "u2", Traits: []domain.Trait{{Key: "plan", Value: domain.StringValue("1")}}}} {
			a.compare(t, x, id)
		}
	}
	if a.cycles < 50 {
		t.Errorf("only %d segments did not match because of a cycle: %+v", a.cycles, a)
	}
}

func FuzzExplain(f *testing.F) {
	for i, r := range recordings(f, readOwn) {
		if (i+1)%20 == 0 && len(r.Document) < 20_000 {
			f.Add(string(r.Document), "ada", "plan", `"pro"`)
		}
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		f.Add(tangle(r), "u1", "plan", "1")
	}
	f.Fuzz(func(t *testing.T, text, identifier, key, value string) {
		document, _, err := domain.ParseEnvironment(text)
		if err != nil || len(text) > 50_000 || !json.Valid([]byte(value)) {
			return
		}
		x := engine.NewExplainer(document)
		id := &domain.Identity{Identifier: identifier, Traits: []domain.Trait{{Key: key, Value: valueFrom(json.RawMessage(value))}}}
		before := x.Program().CutOffs()
		x.Program().Evaluate(nil, id)
		if x.Program().CutOffs() != before {
			return // evaluation gave up, so that the two may differ
		}
		features := make([]int, x.Program().Len())
		for i := range features {
			features[i] = i
		}
		if x.Explain(id, features).Incomplete || x.Explain(nil, features).Incomplete {
			return // it takes more steps than evaluation, and may give up earlier
		}
		var a agreement
		a.compare(t, x, nil)
		a.compare(t, x, id)
	})
}

// What an explanation shows of one feature, part by part.
func TestExplain(t *testing.T) {
	x := explainer(t, `{"api_key":"shop","name":"Shop","feature_states":[
		{"django_id":42,"feature":{"id":1,"name":"new_checkout"},"enabled":true,"feature_state_value":"v1","multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":30,"multivariate_feature_option":{"value":"v2","key":"second"}},
			{"id":2,"percentage_allocation":70,"multivariate_feature_option":{"value":"v3"}}]},
		{"django_id":43,"feature":{"id":2,"name":"base"},"enabled":true,"feature_state_value":null}],
		"project":{"segments":[
			{"id":8,"name":"nobody","rules":[],"feature_states":[{"feature":{"id":1,"name":"new_checkout"},"enabled":false,"feature_state_value":"x"}]},
			{"id":7,"name":"adults_pro","rules":[{"type":"ALL","conditions":[],"rules":[{"type":"ANY","rules":[],"conditions":[
				{"operator":"EQUAL","property_":"plan","value":"pro"}]},{"type":"NONE","rules":[],"conditions":[
				{"operator":"LESS_THAN","property_":"age","value":"18"},
				{"operator":"EQUAL","property_":"$.flags.base.enabled","value":"true"},
				{"operator":"PERCENTAGE_SPLIT","property_":"","value":"0"}]}]}],
			"feature_states":[{"feature":{"id":1,"name":"new_checkout"},"enabled":true,"feature_state_value":"pro","feature_segment":{"priority":1}}]}]}}`)
	id := &domain.Identity{Identifier: "ada", Traits: []domain.Trait{{Key: "plan", Value: domain.StringValue("pro")}, {Key: "age", Value: domain.StringValue("17")}}}
	got := x.Explain(id, []int{0}).Features[0]
	if len(got.Segments) != 2 || got.Segments[0].Segment.Name != "adults_pro" || got.Segments[1].Segment.Name != "nobody" {
		t.Fatalf("segments: %+v", got.Segments)
	}
	s := got.Segments[0]
	if s.Matches || s.Applies || s.Priority.Text() != "1" || got.Segments[1].Matches {
		t.Errorf("segments: %+v", got.Segments)
	}
	var lines []string
	for _, r := range s.Rules[0].Rules {
		for _, c := range r.Conditions {
			line := fmt.Sprintf("%s %s %s %v %s %s %v", r.Type, c.Condition.Property, c.Condition.Operator, c.Holds, c.Seen.AppendJSON(nil), c.SeenAs, c.Decisive)
			if c.Percentage != nil {
				line += fmt.Sprintf(" %.3f", *c.Percentage)
			}
			lines = append(lines, line)
		}
	}
	want := []string{
		`ANY plan EQUAL true "pro" string false`,
		`NONE age LESS_THAN true 17 integer true`,
		`NONE $.flags.base.enabled EQUAL true true boolean false`,
		`NONE  PERCENTAGE_SPLIT false "shop_ada" string false 36.397`,
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("conditions:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	split := got.Default.Split
	if split == nil || split.Key != "42,shop_ada" || len(split.Options) != 2 || split.Options[1].Start != 30 || split.Options[1].End != 100 {
		t.Fatalf("split: %+v", split)
	}
	for _, o := range split.Options {
		if in := o.Start <= split.Percentage && split.Percentage < o.End; in != o.Chosen {
			t.Errorf("%.3f in [%v, %v): %v", split.Percentage, o.Start, o.End, o.Chosen)
		}
	}
	if reads := x.Reads(0); len(reads) != 1 || reads[0] != 1 || len(x.Reads(1)) != 0 {
		t.Errorf("feature 0 reads %v", reads)
	}
	if without := x.Explain(nil, []int{0}).Features[0]; without.Default.Split != nil || without.Segments[0].Matches {
		t.Errorf("without an identity: %+v", without)
	}
}

// An explanation ends when its budget is used up. What it says of outcomes is what
// evaluation found all the same.
func TestExplainHasABudget(t *testing.T) {
	var conditions []string
	for i := range 200 {
		conditions = append(conditions, fmt.Sprintf(`{"operator":"REGEX","property_":"text","value":"(a+)+(b+)+%d\\1"}`, i))
	}
	x := explainer(t, fmt.Sprintf(`{"api_key":"e","name":"n","feature_states":[{"feature":{"id":1,"name":"f"},"enabled":false,"feature_state_value":null}],
		"project":{"segments":[{"id":1,"name":"s","rules":[{"type":"ANY","rules":[],"conditions":[{"operator":"IS_SET","property_":"text","value":""},%s]}],
		"feature_states":[{"feature":{"id":1,"name":"f"},"enabled":true,"feature_state_value":null}]}]}}`, strings.Join(conditions, ",")))
	id := &domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "text", Value: domain.StringValue(strings.Repeat("a", 1500))}}}
	got := x.Explain(id, []int{0})
	if x.Program().CutOffs() != [engine.NumCosts]uint64{} || !x.Program().Outcomes()[got.Outcomes[0]].Enabled {
		t.Fatal("evaluation needs one condition only")
	}
	listed := got.Features[0].Segments[0].Rules[0].Conditions
	if !got.Incomplete || len(listed) != 201 || !listed[0].Holds || listed[0].CutOff || !listed[200].CutOff {
		t.Errorf("incomplete: %v, first %+v, last %+v", got.Incomplete, listed[0], listed[200])
	}
}

// An explanation lists every condition but looks at a bounded number of them, even if each
// costs nothing.
func TestExplainLooksAtABoundedNumberOfConditions(t *testing.T) {
	const most = 1<<16 - 1
	conditions := strings.TrimSuffix(strings.Repeat(`{"operator":"IS_SET","property_":"x"},`, most+2), ",")
	x := explainer(t, `{"api_key":"e","name":"n","feature_states":[{"feature":{"id":1,"name":"f"},"enabled":false}],
		"project":{"segments":[{"id":1,"name":"s","rules":[{"type":"ANY","conditions":[`+conditions+`]}],"feature_states":[{"feature":{"id":1,"name":"f"},"enabled":true}]}]}}`)
	got := x.Explain(&domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "x", Value: domain.BoolValue(true)}}}, []int{0})
	listed := got.Features[0].Segments[0].Rules[0].Conditions
	if !got.Incomplete || len(listed) != most+2 || !listed[most-1].Holds || listed[most-1].CutOff || !listed[most].CutOff || !listed[most+1].CutOff {
		t.Errorf("incomplete: %v, %d conditions, %+v, %+v", got.Incomplete, len(listed), listed[most-1], listed[most])
	}
}

// A negative weight makes options overlap. The first of them is chosen, by evaluation and
// by the explanation.
func TestOneOptionIsChosen(t *testing.T) {
	x := explainer(t, `{"api_key":"e","name":"n","project":{"segments":[]},"feature_states":[{"feature":{"id":1,"name":"f"},"enabled":true,"feature_state_value":"control","django_id":1,"multivariate_feature_state_values":[
		{"id":1,"percentage_allocation":50,"multivariate_feature_option":{"value":"a"}},{"id":2,"percentage_allocation":-20,"multivariate_feature_option":{"value":"b"}},
		{"id":3,"percentage_allocation":40,"multivariate_feature_option":{"value":"c"}}]}]}`)
	overlapping := 0
	for i := range 50 {
		got := x.Explain(&domain.Identity{Identifier: fmt.Sprint(i)}, []int{0})
		split, chosen, fits := got.Features[0].Default.Split, "control", 0
		for _, o := range split.Options {
			if o.Start <= split.Percentage && split.Percentage < o.End {
				fits++
			}
			if o.Chosen {
				chosen += o.Outcome.Value.Text()
			}
		}
		if want := x.Program().Outcomes()[got.Outcomes[0]].Value.Text(); chosen != want && chosen != "control"+want {
			t.Errorf("%d: %.3f %%: chosen %s, want %s", i, split.Percentage, chosen, want)
		}
		overlapping += fits / 2
	}
	if overlapping == 0 {
		t.Error("no identity is in two options")
	}
}

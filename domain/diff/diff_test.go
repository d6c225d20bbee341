package diff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/diff"
	"github.com/edge-proxy/edge-proxy/test/data"
)

func parse(t testing.TB, text string) *domain.Environment {
	t.Helper()
	document, _, err := domain.ParseEnvironment(text)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func recorded(t testing.TB) string {
	t.Helper()
	text, err := data.Files.ReadFile("environment_a.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lines are the parts of a difference, one a line.
func lines(d *diff.Difference) (list []string) {
	for _, c := range d.Settings {
		list = append(list, "setting "+c.Field)
	}
	for _, name := range d.Features.Added {
		list = append(list, "feature added "+name)
	}
	for _, name := range d.Features.Removed {
		list = append(list, "feature removed "+name)
	}
	for _, f := range d.Features.Changed {
		for _, c := range f.Changes {
			list = append(list, "feature "+f.Name+" "+c.Field)
		}
	}
	for _, s := range d.Segments.Added {
		list = append(list, "segment added "+s.ID)
	}
	for _, s := range d.Segments.Removed {
		list = append(list, "segment removed "+s.ID)
	}
	for _, s := range d.Segments.Changed {
		for _, c := range s.Changes {
			list = append(list, "segment "+s.ID+" "+c.Field)
		}
		if s.Rules != nil {
			list = append(list, "segment "+s.ID+" rules")
		}
	}
	if d.Identities != (diff.Count{}) {
		list = append(list, fmt.Sprintf("identities %+v", d.Identities))
	}
	return list
}

// object is a JSON object, and node any part of a document.
type (
	object = map[string]any
	node   = any
)

// editor changes a document at random.
type editor struct {
	random   *rand.Rand
	document object
}

func edit(t testing.TB, text string, seed uint64) *editor {
	t.Helper()
	e := &editor{random: rand.New(rand.NewPCG(seed, 1))}
	if err := json.Unmarshal([]byte(text), &e.document); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *editor) text(t testing.TB) string {
	t.Helper()
	text, err := json.MarshalIndent(e.document, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shuffle changes what is not a difference: the order of everything, the blanks and the
// timestamps.
func (e *editor) shuffle() {
	var visit func(n node)
	visit = func(n node) {
		switch n := n.(type) {
		case object:
			for name := range n {
				if strings.HasSuffix(name, "updated_at") || strings.HasSuffix(name, "_date") {
					n[name] = fmt.Sprintf("2026-0%d-01T00:00:00Z", 1+e.random.IntN(9))
				}
				visit(n[name])
			}
		case []any:
			e.random.Shuffle(len(n), func(i, j int) { n[i], n[j] = n[j], n[i] })
			for _, element := range n {
				visit(element)
			}
		}
	}
	visit(e.document)
}

// list returns the objects of a list that fit, at a path of names.
func list(from object, fits func(object) bool, path ...string) (found []object) {
	for _, name := range path[:len(path)-1] {
		from = from[name].(object)
	}
	elements, _ := from[path[len(path)-1]].([]any)
	for _, element := range elements {
		if o := element.(object); fits == nil || fits(o) {
			found = append(found, o)
		}
	}
	return found
}

func (e *editor) one(from []object) object { return from[e.random.IntN(len(from))] }

// remove removes an element of a list.
func remove(from object, name string, element object) {
	from[name] = slices.DeleteFunc(from[name].([]any), func(n any) bool { return fmt.Sprintf("%p", n) == fmt.Sprintf("%p", element) })
}

func (e *editor) feature() object { return e.one(list(e.document, nil, "feature_states")) }

func (e *editor) split() object {
	return e.one(list(e.document, func(o object) bool { return len(o["multivariate_feature_state_values"].([]any)) > 1 }, "feature_states"))
}

func (e *editor) project() object { return e.document["project"].(object) }

func (e *editor) segment() object {
	return e.one(list(e.project(), func(o object) bool { return len(o["rules"].([]any)) > 0 }, "segments"))
}

func (e *editor) override() (segment, state object) {
	segment = e.one(list(e.project(), func(o object) bool { return len(o["feature_states"].([]any)) > 0 }, "segments"))
	return segment, e.one(list(segment, nil, "feature_states"))
}

// rule returns a rule with conditions.
func (e *editor) rule() (segment, rule object) {
	segment = e.segment()
	var with []object
	var visit func(o object)
	visit = func(o object) {
		if len(list(o, nil, "conditions")) > 0 {
			with = append(with, o)
		}
		for _, sub := range list(o, nil, "rules") {
			visit(sub)
		}
	}
	for _, r := range list(segment, nil, "rules") {
		visit(r)
	}
	if len(with) == 0 {
		return e.rule()
	}
	return segment, e.one(with)
}

func name(state object) string { return state["feature"].(object)["name"].(string) }

func id(segment object) string { return fmt.Sprint(segment["id"]) }

func toggle(o object, name string) { o[name] = o[name] != true }

// mutations are the kinds of changes of a document, each with the line that it makes of a difference.
func mutations() map[string]func(e *editor) string {
	return map[string]func(e *editor) string{
		"a feature is switched": func(e *editor) string {
			f := e.feature()
			toggle(f, "enabled")
			return "feature " + name(f) + " enabled"
		},
		"a value": func(e *editor) string {
			f := e.feature()
			f["feature_state_value"] = fmt.Sprintf("other %d", e.random.IntN(1000))
			return "feature " + name(f) + " value"
		},
		"the type of a value": func(e *editor) string {
			f := e.one(list(e.document, func(o object) bool { return o["feature_state_value"] != nil }, "feature_states"))
			if text, ok := f["feature_state_value"].(string); ok {
				f["feature_state_value"] = len(text)
			} else {
				f["feature_state_value"] = fmt.Sprint(f["feature_state_value"])
			}
			return "feature " + name(f) + " value"
		},
		"the type of a feature": func(e *editor) string {
			f := e.feature()
			f["feature"].(object)["type"] = "OTHER"
			return "feature " + name(f) + " type"
		},
		"metadata": func(e *editor) string {
			f := e.feature()
			f["metadata"] = object{"a": e.random.IntN(9), "b": object{"c": nil, "d": "e"}}
			return "feature " + name(f) + " metadata"
		},
		"a feature is removed": func(e *editor) string {
			f := e.feature()
			remove(e.document, "feature_states", f)
			return "feature removed " + name(f)
		},
		"a feature is added": func(e *editor) string {
			e.document["feature_states"] = append(e.document["feature_states"].([]any), object{"feature": object{"id": 999, "name": "brand_new"}, "enabled": true, "feature_state_value": nil})
			return "feature added brand_new"
		},
		"a weight": func(e *editor) string {
			f := e.split()
			v := e.one(list(f, nil, "multivariate_feature_state_values"))
			v["percentage_allocation"] = v["percentage_allocation"].(float64) + 0.5
			return "feature " + name(f) + " variants"
		},
		"the value of an option": func(e *editor) string {
			f := e.split()
			v := e.one(list(f, nil, "multivariate_feature_state_values"))
			v["multivariate_feature_option"].(object)["value"] = "another"
			return "feature " + name(f) + " variants"
		},
		"an option is removed": func(e *editor) string {
			f := e.split()
			remove(f, "multivariate_feature_state_values", e.one(list(f, nil, "multivariate_feature_state_values")))
			return "feature " + name(f) + " variants"
		},
		"the key of a split": func(e *editor) string {
			f := e.split()
			f["django_id"] = 7_000_000 + e.random.IntN(1000)
			return "feature " + name(f) + " split_key"
		},
		"a segment is removed": func(e *editor) string {
			s := e.one(list(e.project(), nil, "segments"))
			remove(e.project(), "segments", s)
			return "segment removed " + id(s)
		},
		"a segment is added": func(e *editor) string {
			e.project()["segments"] = append(e.project()["segments"].([]any), object{"id": 7777, "name": "new", "rules": []any{}, "feature_states": []any{}})
			return "segment added 7777"
		},
		"a segment is renamed": func(e *editor) string {
			s := e.segment()
			s["name"] = "renamed"
			return "segment " + id(s) + " name"
		},
		"the type of a rule": func(e *editor) string {
			s, r := e.rule()
			r["type"] = map[any]string{"ALL": "ANY", "ANY": "NONE", "NONE": "ALL"}[r["type"]]
			return "segment " + id(s) + " rules"
		},
		"an operator": func(e *editor) string {
			s, r := e.rule()
			e.one(list(r, nil, "conditions"))["operator"] = "IS_SOMETHING"
			return "segment " + id(s) + " rules"
		},
		"a property": func(e *editor) string {
			s, r := e.rule()
			e.one(list(r, nil, "conditions"))["property_"] = "another trait"
			return "segment " + id(s) + " rules"
		},
		"the value of a condition": func(e *editor) string {
			s, r := e.rule()
			e.one(list(r, nil, "conditions"))["value"] = "another value"
			return "segment " + id(s) + " rules"
		},
		"a condition is removed": func(e *editor) string {
			s, r := e.rule()
			remove(r, "conditions", e.one(list(r, nil, "conditions")))
			return "segment " + id(s) + " rules"
		},
		"a rule is added": func(e *editor) string {
			s := e.segment()
			s["rules"] = append(s["rules"].([]any), object{"type": "ALL", "conditions": []any{}, "rules": []any{}})
			return "segment " + id(s) + " rules"
		},
		"an override is switched": func(e *editor) string {
			s, o := e.override()
			toggle(o, "enabled")
			return "segment " + id(s) + " overrides." + name(o) + ".enabled"
		},
		"the value of an override": func(e *editor) string {
			s, o := e.override()
			o["feature_state_value"] = "overridden again"
			return "segment " + id(s) + " overrides." + name(o) + ".value"
		},
		"the priority of an override": func(e *editor) string {
			s, o := e.override()
			o["feature_segment"] = object{"priority": 5000 + e.random.IntN(10)}
			return "segment " + id(s) + " overrides." + name(o) + ".priority"
		},
		"an override is removed": func(e *editor) string {
			s, o := e.override()
			remove(s, "feature_states", o)
			return "segment " + id(s) + " overrides." + name(o)
		},
		"an override of an identity": func(e *editor) string {
			toggle(e.one(list(e.one(list(e.document, nil, "identity_overrides")), nil, "identity_features")), "enabled")
			return "identities {Added:0 Removed:0 Changed:1}"
		},
		"an identity without overrides": func(e *editor) string {
			e.document["identity_overrides"] = []any{}
			return "identities {Added:0 Removed:1 Changed:0}"
		},
		"an identity with overrides": func(e *editor) string {
			e.document["identity_overrides"] = append(e.document["identity_overrides"].([]any), object{"identifier": "new", "identity_features": []any{
				object{"feature": object{"id": 1, "name": "checkout"}, "enabled": true, "feature_state_value": nil}}})
			return "identities {Added:1 Removed:0 Changed:0}"
		},
		"disabled flags are hidden": func(e *editor) string {
			toggle(e.document, "hide_disabled_flags")
			return "setting hide_disabled_flags"
		},
		"a feature is hidden": func(e *editor) string {
			e.project()["server_key_only_feature_ids"] = append(e.project()["server_key_only_feature_ids"].([]any), 4000+e.random.IntN(9))
			return "setting server_key_only_feature_ids"
		},
		"the organisation is stopped": func(e *editor) string {
			e.project()["organisation"] = object{"stop_serving_flags": true}
			return "setting stop_serving_flags"
		},
		"traits are ignored": func(e *editor) string {
			e.document["allow_client_traits"] = false
			return "setting allow_client_traits"
		},
		"the environment is renamed": func(e *editor) string {
			e.document["name"] = "renamed"
			return "setting name"
		},
	}
}

// Each of 200 changes of a document is found and named, and nothing else is, while
// order, formatting and timestamps change with it.
func TestMutationsAreFound(t *testing.T) {
	text := recorded(t)
	before := parse(t, text)
	all := mutations()
	kinds := make([]string, 0, len(all))
	for kind := range all {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for seed := range uint64(200) {
		kind := kinds[int(seed)%len(kinds)]
		e := edit(t, text, seed)
		want := all[kind](e)
		e.shuffle()
		after := parse(t, e.text(t))
		for _, d := range []*diff.Difference{diff.Compare(before, after), diff.Compare(after, before)} {
			if d.Empty() {
				t.Errorf("%d, %s: not found", seed, kind)
			}
		}
		if got := lines(diff.Compare(before, after)); len(got) != 1 || got[0] != want {
			t.Errorf("%d, %s: found %q, want %q", seed, kind, got, want)
		}
	}
}

func TestOrderFormattingAndTimestampsAreNotDifferences(t *testing.T) {
	text := recorded(t)
	before := parse(t, text)
	for seed := range uint64(50) {
		e := edit(t, text, seed)
		e.shuffle()
		if got := lines(diff.Compare(before, parse(t, e.text(t)))); len(got) > 0 {
			t.Fatalf("found %q", got)
		}
	}
	for _, pair := range []struct {
		before, after string
		differ        bool
	}{
		{`"value":["b","a"]`, `"value":[ "a", "b" ]`, false},
		{`"value":"b,a"`, `"value":"a,b"`, false},
		{`"value":"[\"b\",\"a\"]"`, `"value":"[\"a\",\"b\"]"`, false},
		{`"value":null`, `"unknown":1`, false},
		{`"value":"[\"b\",\"a\"]"`, `"value":"[\"a\",\"c\"]"`, true},
		{`"value":"[b"`, `"value":"[a"`, true}, // a text, although it begins like a list
		{`"value":5`, `"value":6`, true},
	} {
		with := func(condition string) *domain.Environment {
			return parse(t, `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[{"id":1,"name":"s","feature_states":[],"rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"IN","property_":"x",`+condition+`}]}]}]}}`)
		}
		if got := lines(diff.Compare(with(pair.before), with(pair.after))); len(got) > 0 != pair.differ {
			t.Errorf("%s and %s: %q", pair.before, pair.after, got)
		}
	}
}

// Two environments of a project have other keys and names. That alone is not a
// difference.
func TestOtherEnvironments(t *testing.T) {
	e := edit(t, recorded(t), 1)
	e.document["api_key"], e.document["name"] = "another", "Another"
	for _, f := range list(e.document, nil, "feature_states") {
		f["django_id"] = 1000 + e.random.IntN(1000)
	}
	if got := lines(diff.Compare(parse(t, recorded(t)), parse(t, e.text(t)))); len(got) > 0 {
		t.Errorf("found %q", got)
	}
}

// Of several overrides of a segment for one feature only the one that applies is compared:
// that with the lowest priority, of equal ones the first.
func TestOverridesThatDoNotApplyAreNotDifferences(t *testing.T) {
	with := func(overrides ...string) *domain.Environment {
		return parse(t, `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[{"id":1,"name":"s","rules":[],"feature_states":[`+strings.Join(overrides, ",")+`]}]}}`)
	}
	override := func(value, priority int) string {
		return fmt.Sprintf(`{"feature":{"id":1,"name":"f","type":"STANDARD"},"enabled":true,"feature_state_value":%d,"feature_segment":{"priority":%d}}`, value, priority)
	}
	for name, test := range map[string]struct {
		before, after *domain.Environment
		differ        bool
	}{
		"the lower priority is behind": {with(override(1, 5), override(2, 1)), with(override(3, 5), override(2, 1)), false},
		"the lower priority changes":   {with(override(1, 5), override(2, 1)), with(override(1, 5), override(3, 1)), true},
		"the lower priority is first":  {with(override(1, 1), override(2, 5)), with(override(1, 1), override(3, 5)), false},
		"the first of a tie":           {with(override(1, 1), override(2, 1)), with(override(1, 1), override(3, 1)), false},
		"the first of a tie changes":   {with(override(1, 1), override(2, 1)), with(override(3, 1), override(2, 1)), true},
	} {
		if got := lines(diff.Compare(test.before, test.after)); len(got) > 0 != test.differ {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

// Of two rules that are alike, a difference has only the parts that are not the same.
func TestRulesAreComparedByTheirParts(t *testing.T) {
	with := func(rules string) *domain.Environment {
		return parse(t, `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[{"id":1,"name":"s","feature_states":[],"rules":[`+rules+`]}]}}`)
	}
	rule := func(kind, conditions, rules string) string {
		return fmt.Sprintf(`{"type":%q,"conditions":[%s],"rules":[%s]}`, kind, conditions, rules)
	}
	is := func(property string) string {
		return fmt.Sprintf(`{"operator":"IS_SET","property_":%q,"value":null}`, property)
	}
	show := func(rules []diff.Rule) string {
		var text func(rules []diff.Rule) string
		text = func(rules []diff.Rule) (out string) {
			for _, r := range rules {
				out += r.Type + "("
				for _, c := range r.Conditions {
					out += c.Property + " "
				}
				out += text(r.Rules) + ")"
			}
			return out
		}
		return text(rules)
	}
	for _, test := range []struct{ before, after, removed, added string }{
		{rule("ALL", "", rule("ANY", is("a")+","+is("b"), "")+","+rule("NONE", is("c"), "")), rule("ALL", "", rule("NONE", is("c"), "")+","+rule("ANY", is("d")+","+is("a"), "")),
			"ALL(ANY(b ))", "ALL(ANY(d ))"},
		{rule("ALL", is("a"), ""), rule("ANY", is("a"), ""), "ALL(a )", "ANY(a )"},
		{rule("ALL", is("a"), "") + "," + rule("ALL", is("a"), ""), rule("ALL", is("a"), ""), "ALL(a )", ""},
		{rule("ALL", is("a"), ""), rule("ALL", is("a"), "") + "," + rule("ALL", is("b"), ""), "", "ALL(b )"},
		{rule("ALL", "", ""), rule("ALL", is("a"), ""), "ALL()", "ALL(a )"},
	} {
		d := diff.Compare(with(test.before), with(test.after))
		if len(d.Segments.Changed) != 1 || d.Segments.Changed[0].Rules == nil {
			t.Errorf("%s to %s: no change", test.before, test.after)
			continue
		}
		if r := d.Segments.Changed[0].Rules; show(r.Removed) != test.removed || show(r.Added) != test.added {
			t.Errorf("%s to %s: removed %q, added %q", test.before, test.after, show(r.Removed), show(r.Added))
		}
	}
}

// What a difference says of one change, as JSON.
func TestDifferenceAsJSON(t *testing.T) {
	const before = `{"api_key":"k","name":"n","feature_states":[{"feature":{"id":1,"name":"a"},"enabled":false,"feature_state_value":"x"}],"project":{"segments":[
		{"id":7,"name":"adults","feature_states":[],"rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"EQUAL","property_":"age","value":"18"}]}]}]}}`
	after := strings.NewReplacer(`"enabled":false`, `"enabled":true`, `"18"`, `"21"`,
		`"feature_states":[],`, `"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":1,"feature_segment":{"priority":2}}],`).Replace(before)
	got, err := json.Marshal(diff.Compare(parse(t, before), parse(t, after)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"settings":[],"features":{"added":[],"removed":[],"changed":[{"feature":"a","changes":[{"field":"enabled","before":false,"after":true}]}]},` +
		`"segments":{"added":[],"removed":[],"changed":[{"id":"7","name":"adults","changes":[{"field":"overrides.a","before":null,"after":{"enabled":true,"value":1,"priority":2}}],` +
		`"rules":{"removed":[{"type":"ALL","conditions":[{"property":"age","operator":"EQUAL","value":"18"}],"rules":[]}],"added":[{"type":"ALL","conditions":[{"property":"age","operator":"EQUAL","value":"21"}],"rules":[]}]}}]},` +
		`"identity_overrides":{"added":0,"removed":0,"changed":0}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(recorded(f), recorded(f))
	f.Add(`{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[{"id":1}]}}`, `{"api_key":"k","name":"n","feature_states":[{"feature":{"id":1,"name":"a"},"metadata":{"b":[1]}}],"project":{"segments":[]}}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		before, _, err := domain.ParseEnvironment(a)
		if err != nil {
			return
		}
		if d := diff.Compare(before, before); !d.Empty() {
			t.Fatalf("a document differs from itself: %q", lines(d))
		}
		after, _, err := domain.ParseEnvironment(b)
		if err != nil {
			return
		}
		there, back := diff.Compare(before, after), diff.Compare(after, before)
		if there.Empty() != back.Empty() || len(lines(there)) != len(lines(back)) {
			t.Fatalf("%q, but back %q", lines(there), lines(back))
		}
		if _, err := json.Marshal(there); err != nil {
			t.Fatal(err)
		}
	})
}

// What a difference says of a feature that both documents have.
func TestChangesOfAFeature(t *testing.T) {
	with := func(id int, rest string) *domain.Environment {
		return parse(t, fmt.Sprintf(`{"api_key":"k","name":"n","project":{"segments":[]},"feature_states":[{"feature":{"id":%d,"name":"a"},"enabled":true%s}]}`, id, rest))
	}
	variants := func(key int) string {
		return fmt.Sprintf(`,"django_id":%d,"multivariate_feature_state_values":[{"id":1,"percentage_allocation":5,"multivariate_feature_option":{"value":1}}]`, key)
	}
	for _, test := range []struct {
		before, after *domain.Environment
		want          string
	}{
		{with(1, ""), with(2, ""), `[{"field":"id","before":1,"after":2}]`},
		{with(1, `,"metadata":{"a":1,"b":"<"}`), with(1, `,"metadata":{ "b" : "\u003c", "a" : 1 }`), ``},
		{with(1, ``), with(1, `,"metadata":{ "b" : "<", "a" : 1 }`), `[{"field":"metadata","before":null,"after":{"a":1,"b":"\u003c"}}]`},
		{with(1, `,"feature_state_value":{"a":[],"b":1}`), with(1, `,"feature_state_value":{"b":1,"a":[ ]}`), ``},
		{with(1, `,"django_id":1`), with(1, `,"django_id":2`), ``},
		{with(1, variants(1)), with(1, variants(2)), `[{"field":"split_key","before":"1","after":"2"}]`},
	} {
		d := diff.Compare(test.before, test.after)
		got := []byte{}
		for _, f := range d.Features.Changed {
			text, err := json.Marshal(f.Changes)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text...)
		}
		if string(got) != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestChangesOfIdentities(t *testing.T) {
	with := func(features ...string) *domain.Environment {
		return parse(t, `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[]},"identity_overrides":[{"identifier":"u","identity_features":[`+strings.Join(features, ",")+`]}]}`)
	}
	state := func(feature, value string) string {
		return `{"feature":{"id":1,"name":"` + feature + `"},"enabled":true,"feature_state_value":` + value + `}`
	}
	for name, test := range map[string]struct {
		before, after *domain.Environment
		changed       int
	}{
		"another value":                {with(state("a", "1")), with(state("a", "2")), 1},
		"a value of another type":      {with(state("a", "1")), with(state("a", `"1"`)), 1},
		"the same value":               {with(state("a", "1")), with(state("a", "1")), 0},
		"members in another order":     {with(state("a", `{"x":1,"y":2}`)), with(state("a", `{"y":2,"x":1}`)), 0},
		"another feature":              {with(state("a", "1")), with(state("b", "1")), 1},
		"the order":                    {with(state("a", "1"), state("b", "2")), with(state("b", "2"), state("a", "1")), 0},
		"the first of a feature":       {with(state("a", "1"), state("a", "2")), with(state("a", "3"), state("a", "2")), 1},
		"an override that is not used": {with(state("a", "1"), state("a", "2")), with(state("a", "1"), state("a", "3")), 0},
	} {
		if got := diff.Compare(test.before, test.after).Identities; got != (diff.Count{Changed: test.changed}) {
			t.Errorf("%s: %+v, want %d changed", name, got, test.changed)
		}
	}
	none := parse(t, `{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[]}}`)
	if d := diff.Compare(none, with()); !d.Empty() {
		t.Errorf("an identity without overrides: %q", lines(d))
	}
}

// Parts that are added, removed and changed do not make up for each other.
func TestEmpty(t *testing.T) {
	feature := func(name, value string) string {
		return `{"feature":{"id":1,"name":"` + name + `"},"enabled":true,"feature_state_value":` + value + `}`
	}
	segment := func(id, name string) string { return `{"id":` + id + `,"name":"` + name + `"}` }
	with := func(features, segments []string) *domain.Environment {
		return parse(t, `{"api_key":"k","name":"n","feature_states":[`+strings.Join(features, ",")+`],"project":{"segments":[`+strings.Join(segments, ",")+`]}}`)
	}
	for name, lists := range map[string][2][2]string{
		"added and removed":   {{feature("a", "1"), segment("1", "a")}, {feature("b", "1"), segment("2", "b")}},
		"changed and added":   {{feature("a", "1"), segment("1", "a")}, {feature("a", "2") + "," + feature("b", "1"), segment("1", "b") + "," + segment("2", "b")}},
		"changed and removed": {{feature("a", "1") + "," + feature("b", "1"), segment("1", "a") + "," + segment("2", "b")}, {feature("a", "2"), segment("1", "b")}},
	} {
		features := diff.Compare(with([]string{lists[0][0]}, nil), with([]string{lists[1][0]}, nil))
		segments := diff.Compare(with(nil, []string{lists[0][1]}), with(nil, []string{lists[1][1]}))
		if features.Empty() || segments.Empty() {
			t.Errorf("%s: features %v, segments %v", name, features.Empty(), segments.Empty())
		}
	}
}

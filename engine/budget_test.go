package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// costly is a document of 200 segments with one condition each.
func costly(condition func(i int) (property, operator, value string)) string {
	var segments []string
	for i := range 200 {
		property, operator, value := condition(i)
		segments = append(segments, fmt.Sprintf(`{"id":%d,"name":"s%d","rules":[{"type":"ANY","rules":[],"conditions":[{"operator":%q,"property_":%q,"value":%q}]}],`+
			`"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":"on","django_id":%d}]}`, i+1, i, operator, property, value, i+10))
	}
	return `{"api_key":"env","name":"n","project":{"segments":[` + strings.Join(segments, ",") + `]},"feature_states":[{"feature":{"id":1,"name":"a"},"enabled":false,"feature_state_value":"off","django_id":1}]}`
}

// manyTraits is what a request of a megabyte can bring.
func manyTraits(n int, value domain.Value) (traits []domain.Trait) {
	for i := range n {
		traits = append(traits, domain.Trait{Key: fmt.Sprintf("t%d", i), Value: value})
	}
	return traits
}

// hostile is a document and an identity that make one evaluation cost a lot.
type hostile struct {
	condition  func(i int) (property, operator, value string)
	identifier string
	traits     []domain.Trait
	cut        bool
}

func hostiles() map[string]hostile {
	long := strings.Repeat("a", 2000)
	nines := strings.Repeat("9", 4300)
	text := []domain.Trait{{Key: "x", Value: domain.StringValue(long)}}
	return map[string]hostile{
		"patterns that backtrack": {func(i int) (string, string, string) {
			return "x", "REGEX", fmt.Sprintf(`(a|aa)+(?=b)%d`, i)
		}, "u", text, true},
		"linear patterns": {func(i int) (string, string, string) {
			return "x", "REGEX", fmt.Sprintf(`(?:a{0,20}){0,20}b%d`, i)
		}, "u", text, true},
		"JSONPaths": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$.segments[?count($..*)==%d].name`, i), "EQUAL", "x"
		}, "u", text, true},
		"JSONPaths with patterns": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$.identity.traits[?search(@, 'a{0,300}a{0,90}b%d')]`, i), "EQUAL", "x"
		}, "u", manyTraits(500, domain.StringValue(long)), true},
		"JSONPaths with patterns from traits": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$.identity.traits[?search(@, $.identity.traits.t%d) && search(@, @)]`, i), "EQUAL", "x"
		}, "u", manyTraits(500, domain.StringValue(strings.Repeat("(a{500})?", 100)+"b")), true},
		"JSONPaths that compare large numbers": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$..[?@ > $.identity.traits.t%d]`, i), "EQUAL", "x"
		}, "u", manyTraits(200, domain.NumberValue(nines)), true},
		"JSONPaths into many traits": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$.identity.traits[?@ == %d]`, i), "EQUAL", "x"
		}, "u", manyTraits(20_000, domain.StringValue("a")), true},
		"names of traits": {func(i int) (string, string, string) {
			return fmt.Sprintf(`$.identity['traits']['absent%d']`, i), "EQUAL", "x"
		}, "u", manyTraits(30_000, domain.StringValue("a")), false},
		"identifiers that are numbers": {func(i int) (string, string, string) {
			return []string{"$.identity.identifier", "$.identity['identifier']", `$.identity["identifier"]`, "$.identity['\\u0069dentifier']"}[i%4], "IN", fmt.Sprint(i)
		}, nines, nil, false},
		"identifiers as percentages": {func(i int) (string, string, string) {
			return "$.identity.identifier", "PERCENTAGE_SPLIT", "-1"
		}, nines, nil, false},
	}
}

func (h hostile) identity() *domain.Identity {
	return &domain.Identity{Identifier: h.identifier, Traits: h.traits}
}

// BenchmarkHostile is the most that requests can make an evaluation cost. No case should
// take more than 40 ms.
func BenchmarkHostile(b *testing.B) {
	for name, test := range hostiles() {
		b.Run(name, func(b *testing.B) {
			p, _ := compileText(b, costly(test.condition))
			id := test.identity()
			var dst []engine.OutcomeID
			for b.Loop() {
				dst = p.Evaluate(dst[:0], id)
			}
		})
	}
}

// Whatever a document and a request make the engine do, it costs milliseconds. The limit
// is generous for the sake of busy machines: each case took seconds without a budget, or
// would.
func TestOneEvaluationHasOneBudget(t *testing.T) {
	for name, test := range hostiles() {
		t.Run(name, func(t *testing.T) {
			p, _ := compileText(t, costly(test.condition))
			id := test.identity()
			fastest, calls, before := time.Hour, 0, p.CutOffs()
			p.OnCutOff(func() { calls++ })
			for range 2 {
				start := time.Now()
				ids := p.Evaluate(nil, id)
				fastest = min(fastest, time.Since(start))
				if got := p.Outcomes()[ids[0]].Value.Text(); got != "off" {
					t.Errorf("the flag is %q: what was cut off matched", got)
				}
			}
			t.Logf("%v", fastest)
			limit := time.Second
			if harness.RaceEnabled {
				limit *= 20
			}
			if fastest > limit {
				t.Errorf("an evaluation takes %v", fastest)
			}
			want, wantCalls := before, 0
			if test.cut {
				by := engine.CostRegex
				if strings.HasPrefix(name, "JSONPaths") {
					by = engine.CostJSONPath
				}
				want[by] += 2
				wantCalls = 1
			}
			if got := p.CutOffs(); got != want || calls != wantCalls {
				t.Errorf("%v evaluations were cut off by regex, JSONPath and dependencies, %d calls; want %v, %d calls", got, calls, want, wantCalls)
			}
		})
	}
}

// JSONPaths that depend on the document alone are resolved once. They have a budget too.
func TestCompilationHasABudget(t *testing.T) {
	text := costly(func(i int) (string, string, string) {
		return fmt.Sprintf(`$.segments[?count($.segments..*)>%d].name`, 1<<40+i), "EQUAL", "x"
	})
	start := time.Now()
	_, problems := compileText(t, text)
	took, limit := time.Since(start), 10*time.Second
	if harness.RaceEnabled {
		limit *= 10
	}
	if took > limit {
		t.Errorf("compilation takes %v", took)
	}
	if len(problems) == 0 || !strings.Contains(problems[len(problems)-1].String(), "takes too many steps") {
		t.Errorf("problems: %v", problems)
	}
}

// Texts of more than 4300 digits are not numbers: Python refuses to read them.
func TestTextsOfManyDigits(t *testing.T) {
	p, _ := compileText(t, document(condition("GREATER_THAN", "x", `"1"`), ""))
	for digits, want := range map[int]string{4300: "on", 4301: "off"} {
		for _, v := range []domain.Value{domain.StringValue(strings.Repeat("9", digits)), domain.NumberValue(strings.Repeat("9", digits))} {
			id := &domain.Identity{Identifier: "u", Traits: []domain.Trait{{Key: "x", Value: v}}}
			if got := valueOfA(p, id); got != want {
				t.Errorf("%d digits, kind %v: a is %q, want %q", digits, v.Kind(), got, want)
			}
		}
	}
}

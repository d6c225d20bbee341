package parity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Conditions for which the Python proxy answers 500: here they do not match (docs/spec/behaviour.md#where-the-python-proxy-fails). A similar condition that matches follows each, so that a proxy that never
// matches fails.
func TestConditionsThatTheReferenceFailsOn(t *testing.T) {
	tests := []struct {
		name     string
		operator string
		value    string // of the condition, JSON
		trait    string // the context value, JSON; "": the condition is about the identity
		matches  bool
	}{
		{"regular expression", "REGEX", `"v[0-9]+"`, `"v1"`, true},
		{"unfinished class", "REGEX", `"["`, `"["`, false},
		{"unfinished group", "REGEX", `"(?P<n"`, `"n"`, false},
		{"nothing to repeat", "REGEX", `"*"`, `"*"`, false},
		{"unbalanced parenthesis", "REGEX", `"a)"`, `"a)"`, false},
		{"reference to no group", "REGEX", `"(a)\\2"`, `"aa"`, false},
		{"bad range", "REGEX", `"[z-a]"`, `"b"`, false},
		{"bad escape", "REGEX", `"\\q"`, `"q"`, false},
		{"group name of another dialect", "REGEX", `"(?<n>a)"`, `"a"`, false},

		{"modulo", "MODULO", `"5|0"`, `10`, true},
		{"another remainder", "MODULO", `"5|0"`, `11`, false},
		{"zero divisor", "MODULO", `"0|5"`, `5`, false},
		{"zero divisor, remainder zero", "MODULO", `"0|0"`, `0`, false},
		{"zero divisor as a float", "MODULO", `"0.0|0"`, `7.5`, false},
		{"negative zero divisor", "MODULO", `"-0|0"`, `7`, false},
		{"divisor that is not a number", "MODULO", `"a|0"`, `7`, false},
		{"no remainder", "MODULO", `"5"`, `10`, false},

		{"everybody", "PERCENTAGE_SPLIT", `"100"`, ``, true},
		{"nobody", "PERCENTAGE_SPLIT", `"-1"`, ``, false},
		{"percentage of null", "PERCENTAGE_SPLIT", `null`, ``, false},
		{"percentage that is not a number", "PERCENTAGE_SPLIT", `"half"`, ``, false},
		{"empty percentage", "PERCENTAGE_SPLIT", `""`, ``, false},
	}
	key := func(i int) string { return fmt.Sprintf("fault_%d", i) }
	var environments []fakeflagsmith.Environment
	for i, tt := range tests {
		property := "t"
		if tt.trait == "" {
			property = ""
		}
		environments = append(environments, environmentOf(key(i), []segment{{value: `"on"`, conditions: []condition{
			{Operator: tt.operator, Property: property, Value: json.RawMessage(tt.value)},
		}}}, nil))
	}
	proxy := proxyFor(t, environments...)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			traits := "[]"
			if tt.trait != "" {
				traits = fmt.Sprintf(`[{"trait_key":"t","trait_value":%s}]`, tt.trait)
			}
			body := fmt.Sprintf(`{"identifier":"user","traits":%s}`, traits)
			value := `"off"`
			if tt.matches {
				value = `"on"`
			}
			expectFlag(t, proxy, key(i), body, tt.matches, value)
		})
	}
	t.Logf("%d cases ran", len(tests))
}

// An identity override applies to its identifier exactly, also where that
// looks like a number (docs/spec/behaviour.md#where-the-python-proxy-fails).
func TestIdentityOverridesApplyExactly(t *testing.T) {
	identifiers := []string{"007", "1.5", "-0", "1e3", "+1", "0x10", "42", "1_000", "true", "None", "00", "0.0", "İ"}
	var overrides []override
	for _, identifier := range identifiers {
		overrides = append(overrides, override{identifier, fmt.Sprintf("%q", "of "+identifier)})
	}
	proxy := proxyFor(t, environmentOf("exact", nil, overrides))
	for _, identifier := range identifiers {
		expectFlag(t, proxy, "exact", fmt.Sprintf(`{"identifier":%q}`, identifier), true, fmt.Sprintf("%q", "of "+identifier))
	}
	for _, identifier := range []string{"7", "07", "1.50", "0", "1000", "1", "16", "42.0", "042", " 42", "42 ", "True", "TRUE", "none", "i"} {
		expectFlag(t, proxy, "exact", fmt.Sprintf(`{"identifier":%q}`, identifier), false, `"off"`)
	}
}

// Overrides whose values are equal in Python but not in JSON stay apart
// (docs/spec/behaviour.md#where-the-python-proxy-fails), whether they are an identity's or a segment's.
func TestOverridesThatPythonCannotTellApart(t *testing.T) {
	values := []string{`1`, `true`, `1.0`, `0`, `false`, `0.0`, `"1"`, `""`, `null`}
	for _, order := range []string{"forwards", "backwards"} {
		t.Run(order, func(t *testing.T) {
			ordered := slices.Clone(values)
			if order == "backwards" {
				slices.Reverse(ordered)
			}
			var overrides []override
			var segments []segment
			for i, value := range ordered {
				overrides = append(overrides, override{fmt.Sprintf("user_%d", i), value})
				segments = append(segments, segment{value: value, conditions: []condition{
					{Operator: "EQUAL", Property: "t", Value: json.RawMessage(fmt.Sprintf(`"member_%d"`, i))},
				}})
			}
			proxy := proxyFor(t, environmentOf("apart", segments, overrides))
			for i, value := range ordered {
				expectFlag(t, proxy, "apart", fmt.Sprintf(`{"identifier":"user_%d"}`, i), true, value)
				expectFlag(t, proxy, "apart", fmt.Sprintf(`{"identifier":"other","traits":[{"trait_key":"t","trait_value":"member_%d"}]}`, i), true, value)
			}
		})
	}
}

// A regular expression that backtracks without end is cut off and does not match. Other
// requests are answered meanwhile (docs/spec/behaviour.md#where-the-python-proxy-fails).
func TestRegularExpressionThatBacktracksForever(t *testing.T) {
	limit := time.Second // without the bound it would be years, with it 10 ms; a machine may do other things
	if harness.RaceEnabled {
		limit *= 5
	}
	trait := func(value string) string {
		return fmt.Sprintf(`{"identifier":"user","traits":[{"trait_key":"t","trait_value":%q}]}`, value)
	}
	forever := trait(strings.Repeat("a", 1999) + "b")
	patterns := []string{`(a+)+\1$`, `(a+)+$`, `(a|aa)+$`, `(a+a+)+$`}
	key := func(i int) string { return fmt.Sprintf("slow_%d", i) }
	environments := []fakeflagsmith.Environment{environmentOf("other", nil, nil)}
	for i, pattern := range patterns {
		value, err := json.Marshal(pattern)
		if err != nil {
			t.Fatal(err)
		}
		environments = append(environments, environmentOf(key(i), []segment{{value: `"on"`, conditions: []condition{{Operator: "REGEX", Property: "t", Value: value}}}}, nil))
	}
	proxy := proxyFor(t, environments...)
	for i, pattern := range patterns {
		t.Run(pattern, func(t *testing.T) {
			expectFlag(t, proxy, key(i), trait(strings.Repeat("a", 20)), true, `"on"`)

			const workers, each = 2, 3
			slow, other := make(chan time.Duration, workers*each), make(chan time.Duration, each)
			done := make(chan struct{})
			for range workers {
				go func() {
					defer func() { done <- struct{}{} }()
					for range each {
						began := time.Now()
						expectFlag(t, proxy, key(i), forever, false, `"off"`)
						slow <- time.Since(began)
					}
				}()
			}
			for range each {
				began := time.Now()
				expectFlag(t, proxy, "other", `{"identifier":"user"}`, false, `"off"`)
				other <- time.Since(began)
			}
			for range workers {
				<-done
			}
			if got := median(slow); got > limit {
				t.Errorf("a request with the expression takes %s, want less than %s", got, limit)
			}
			if got := median(other); got > limit {
				t.Errorf("a request beside it takes %s, want less than %s", got, limit)
			}
			logged, want := 0, 0
			for _, event := range proxy.Events() {
				if event.Named("evaluation_cut_off") && event.Text("client_side_key") == key(i) {
					logged++
				}
			}
			if strings.Contains(pattern, `\1`) { // the others run on an engine that is linear
				want = 1
			}
			if logged != want {
				t.Errorf("it is logged %d times, want %d", logged, want)
			}
		})
	}
}

// median empties a full channel; the middle value is what a busy machine
// disturbs least.
func median(durations chan time.Duration) time.Duration {
	close(durations)
	var sorted []time.Duration
	for d := range durations {
		sorted = append(sorted, d)
	}
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

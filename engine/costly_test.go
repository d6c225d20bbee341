package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

func TestCostlyPatterns(t *testing.T) {
	t.Parallel()
	for pattern, costly := range map[string]bool{
		`^\d{3}-\d{4}$`:    false,
		`(a+)+b`:           false, // linear: there is nothing to go back to
		`.*@example\.com$`: false,
		`(?!admin).*`:      false,
		`(\w)\1`:           false,
		`(?=(a+)+$)x`:      true,
		`(?:(x+x+)+)\1y`:   true,
		`(`:                false, // it is a problem, but not this one
	} {
		text := fmt.Sprintf(`{"api_key":"k","name":"n","feature_states":[],"project":{"segments":[
			{"id":1,"name":"a","feature_states":[],"rules":[]},
			{"id":2,"name":"b","feature_states":[],"rules":[{"type":"ALL","conditions":[{"operator":"EQUAL","property_":"p","value":%[1]q}],"rules":[
				{"type":"ANY","rules":[],"conditions":[{"operator":"REGEX","property_":"p","value":"x"},{"operator":"REGEX","property_":"p","value":%[1]q}]}]}]}]}}`, pattern)
		document, _, err := domain.ParseEnvironment(text)
		if err != nil {
			t.Fatal(err)
		}
		found := engine.CostlyPatterns(document)
		if len(found) != map[bool]int{true: 1}[costly] {
			t.Errorf("%s: found %v, want costly %t", pattern, found, costly)
		}
		for _, p := range found {
			if p.Path != "project.segments[1].rules[0].rules[0].conditions[1]" || !strings.Contains(p.What, "too many steps") {
				t.Errorf("%s: %+v", pattern, p)
			}
		}
	}
}

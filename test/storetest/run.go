package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const defaultPatience = 10 * time.Second

// Run runs all cases against the store of h, each as a subtest of t.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, problem := range problems(h) {
		t.Error("storetest: " + problem)
	}
	for _, testCase := range cases() {
		t.Run(testCase.name, func(t *testing.T) {
			result := execute(t, h, testCase, false)
			for _, failure := range result.failures {
				t.Error(failure)
			}
			// A case that failed is never turned into a skipped one.
			if result.skipped != "" && len(result.failures) == 0 {
				t.Skip(result.skipped)
			}
		})
	}
}

// problems returns what is wrong with a harness.
func problems(h Harness) []string {
	var found []string
	for name, reason := range h.Skip {
		if !slices.ContainsFunc(cases(), func(c testCase) bool { return c.name == name }) {
			found = append(found, fmt.Sprintf("Harness.Skip names %q, which is not a case", name))
		}
		if reason == "" {
			found = append(found, fmt.Sprintf("Harness.Skip gives no reason to skip %q", name))
		}
	}
	slices.Sort(found)
	return found
}

// testCase checks one law of the contract.
type testCase struct {
	name string
	law  string // the sentences of package ports that it checks, word for word
	run  func(c *check)
}

// outcome is what became of a case. It is kept apart from testing.T so that the
// suite's own tests can see a case fail without failing.
type outcome struct {
	failures []string
	skipped  string // why; "" if it was not
}

// execute runs one case, briefly if so (see check.amount). Only the harness reports to t
// itself.
func execute(t *testing.T, h Harness, testCase testCase, brief bool) outcome {
	if reason, ok := h.Skip[testCase.name]; ok {
		return outcome{skipped: "left out by the harness: " + reason}
	}
	if h.Patience <= 0 {
		h.Patience = defaultPatience
	}
	c := &check{t: t, harness: h, law: testCase.law, brief: brief}
	c.guard(func() { testCase.run(c) })
	c.finish()

	c.mu.Lock()
	defer c.mu.Unlock()
	return outcome{failures: c.failures, skipped: c.skipped}
}

// describe joins what went wrong with the law it breaks.
func describe(law, format string, args ...any) string {
	return fmt.Sprintf(format, args...) + "\n\tthe contract: " + strings.Join(strings.Fields(law), " ")
}

package storetest

import "testing"

// Case is what the suite's own tests see of a case.
type Case struct{ Name, Law string }

// Cases returns all cases.
func Cases() []Case {
	var all []Case
	for _, c := range cases() {
		all = append(all, Case{c.name, c.law})
	}
	return all
}

// Problems returns what Run finds wrong with a harness.
func Problems(h Harness) []string { return problems(h) }

// Execute runs the case called name, briefly, and returns what became of it.
func Execute(t *testing.T, h Harness, name string) (failures []string, skipped string) {
	t.Helper()
	for _, c := range cases() {
		if c.name == name {
			result := execute(t, h, c, true)
			return result.failures, result.skipped
		}
	}
	t.Fatalf("there is no case %q", name)
	return nil, ""
}

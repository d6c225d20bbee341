package simulation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mostTries is how many shorter histories are tried.
const mostTries = 200

// shrink returns a shorter history that breaks the same invariant, and what comes of it: steps
// are left out as long as it still does, first many at a time. What happens after a step that
// is left out happens at another time, so that the result need not be the shortest.
func shrink(t *testing.T, p plan, o outcome) (plan, outcome) {
	t.Helper()
	tries := 0
	for size := len(p.steps) / 2; size >= 1; size /= 2 {
		for at := 0; at < len(p.steps) && tries < mostTries; {
			shorter := p
			shorter.steps = slices.Delete(slices.Clone(p.steps), at, min(at+size, len(p.steps)))
			tries++
			if came := happen(t, shorter, false); came.violation != nil && came.violation.invariant == o.violation.invariant {
				p, o = shorter, came
			} else {
				at += size
			}
		}
	}
	return p, o
}

// history is a plan as people read it.
func (p plan) history() string {
	lines := []string{fmt.Sprintf("seed %d: %v", p.seed, p.settings)}
	for i, s := range p.steps {
		lines = append(lines, fmt.Sprintf("%3d. %v", i+1, s))
	}
	return strings.Join(lines, "\n")
}

package parity

import (
	"fmt"
	"strings"
	"sync"
)

// listedFailures is how many failed cases a report lists in full.
const listedFailures = 20

// Report gathers the outcome of many cases. Its zero value is ready; it is safe
// for concurrent use.
type Report struct {
	mu     sync.Mutex
	cases  int
	failed int
	told   strings.Builder
}

// Add notes a case and how its answer differs from the expected one; nothing
// means that it passed. name has to be enough to find the case again.
func (r *Report) Add(name string, differences []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases++
	if len(differences) == 0 {
		return
	}
	r.failed++
	if r.failed > listedFailures {
		return
	}
	fmt.Fprintf(&r.told, "\n%s\n", name)
	for _, difference := range differences {
		fmt.Fprintf(&r.told, "    %s\n", difference)
	}
}

// Cases is how many cases were added.
func (r *Report) Cases() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cases
}

// Failed is how many of the cases differ.
func (r *Report) Failed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// String sums the report up, with the first failures in full.
func (r *Report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	summary := fmt.Sprintf("%d cases, %d failed", r.cases, r.failed)
	if r.failed > listedFailures {
		summary += fmt.Sprintf(" (the first %d are listed)", listedFailures)
	}
	return summary + "\n" + r.told.String()
}

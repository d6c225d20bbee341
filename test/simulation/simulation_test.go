package simulation_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// number returns a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv("EDGE_PROXY_SIMULATION_" + name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("EDGE_PROXY_SIMULATION_%s: %v", name, err)
	}
	return n
}

// TestSimulation lets the histories of some seeds happen: a few, or those that make simulate
// asks for.
func TestSimulation(t *testing.T) {
	first := number(t, "FIRST", 0)
	for seed := first; seed < first+number(t, "SEEDS", 10); seed += number(t, "STEP", 1) {
		if seed%1000 == first%1000 && seed > first {
			t.Logf("%d seeds from %d on are done", seed-first, first)
		}
		p := newPlan(seed)
		o := happen(t, p, false)
		if o.violation == nil {
			continue
		}
		shorter, came := shrink(t, p, o)
		t.Errorf("seed %d breaks an invariant: %v\nIt still does after these steps alone: %v\n%s\nThe whole history: make simulate SEED=%d", seed, o.violation, came.violation, shorter.history(), seed)
	}
}

// TestSeed shows the whole history of the seed that make simulate SEED=… asks for, with the
// logs of the nodes.
func TestSeed(t *testing.T) {
	if os.Getenv("EDGE_PROXY_SIMULATION_SEED") == "" {
		return
	}
	p := newPlan(number(t, "SEED", 0))
	plain, o := happen(t, p, false), happen(t, p, true)
	t.Logf("%s\n%s\nhash %s", p.history(), strings.Join(o.trace, "\n"), plain.hash)
	if o.violation != nil {
		t.Errorf("%v", o.violation)
	}
}

// TestHistoriesRepeat lets the same histories happen twice, for make simulate. Go's scheduler
// decides some ties, such as which of a node's goroutines asks first whether the store is
// back, so that about one history in a hundred may come out in two ways; see docs/simulation.md. With the
// race detector the scheduler decides many more at random.
func TestHistoriesRepeat(t *testing.T) {
	if os.Getenv("EDGE_PROXY_SIMULATION_SEEDS") == "" {
		return
	}
	first, seeds, differ := number(t, "FIRST", 0), number(t, "SEEDS", 0), uint64(0)
	for seed := first; seed < first+seeds; seed += number(t, "STEP", 1) {
		a, b := happen(t, newPlan(seed), false), happen(t, newPlan(seed), false)
		if a.hash == b.hash {
			continue
		}
		differ++
		i := 0
		for i < len(a.trace) && i < len(b.trace) && a.trace[i] == b.trace[i] {
			i++
		}
		t.Logf("seed %d: the histories differ from line %d of %d on:\n%s\nand\n%s", seed, i, len(a.trace),
			strings.Join(a.trace[max(0, i-4):min(len(a.trace), i+3)], "\n"), strings.Join(b.trace[max(0, i-4):min(len(b.trace), i+3)], "\n"))
	}
	if differ > 1+seeds/25 {
		t.Errorf("%d of %d histories did not repeat", differ, seeds)
	}
}

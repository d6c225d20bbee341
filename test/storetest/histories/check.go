package histories

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// Check returns what in the history no sequence of calls can explain, in words: for each
// object the first return after which there is none, and the calls before it. It returns
// nothing for a linearizable history. Deciding about one object may take as long as limit;
// what cannot be decided by then is returned too.
func (h *History) Check(limit time.Duration) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	problems := slices.Clone(h.unexpected)
	for _, o := range slices.SortedFunc(maps.Keys(h.operations), func(a, b object) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	}) {
		known := learned(h.operations[o])
		for i, e := range eras(h.operations[o], h.failovers) {
			model := e.model(o.kind, known, h.lateTouches)
			verdict := porcupine.CheckOperationsTimeout(model, e.calls, limit)
			if verdict == porcupine.Ok {
				continue
			}
			text := fmt.Sprintf("not decided within %v, %d calls", limit, len(e.calls))
			if verdict == porcupine.Illegal {
				text = explain(shortest(model, e.calls, limit)) + e.before()
			}
			problems = append(problems, fmt.Sprintf("the %s %q%s: %s", o.kind, o.name, after(i), text))
		}
	}
	return problems
}

func after(failovers int) string {
	switch failovers {
	case 0:
		return ""
	case 1:
		return " after a failover"
	}
	return fmt.Sprintf(" after %d failovers", failovers)
}

// model returns the model of an object of a kind, whose value at first is one of those that
// it may have had before the era.
func (e era) model(k kind, v versions, lateTouches bool) porcupine.Model {
	if k == aLease {
		return model(e.formerLeases(), leases)
	}
	return model(e.formerRegisters(v), registers(v, lateTouches))
}

func model[T comparable](first []T, next func(T, input, output) []T) porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return boxed(first) },
		Step: func(value, in, out any) []any { return boxed(next(value.(T), in.(input), out.(output))) },
	}
	return nondeterministic.ToModel()
}

func boxed[T any](values []T) []any {
	all := make([]any, 0, len(values))
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// shortest returns the beginning of an inexplicable history that ends with the first return
// that makes it so. Calls under way at that time are of unknown outcome.
func shortest(model porcupine.Model, calls []porcupine.Operation, limit time.Duration) []porcupine.Operation {
	var ends []int64
	for _, c := range calls {
		if c.Return != never {
			ends = append(ends, c.Return)
		}
	}
	slices.Sort(ends)
	n := sort.Search(len(ends)-1, func(i int) bool {
		return porcupine.CheckOperationsTimeout(model, until(calls, ends[i]), limit) == porcupine.Illegal
	})
	return until(calls, ends[n])
}

// until returns what had started by end, in order.
func until(calls []porcupine.Operation, end int64) []porcupine.Operation {
	var begun []porcupine.Operation
	for _, c := range calls {
		if c.Call >= end {
			continue
		}
		if c.Return > end {
			if c.Input.(input).reads() {
				continue
			}
			c = unresolved(c)
		}
		begun = append(begun, c)
	}
	slices.SortFunc(begun, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return begun
}

// unresolved returns c as a call of unknown outcome.
func unresolved(c porcupine.Operation) porcupine.Operation {
	c.Return, c.Output = never, output{unknown: true}
	return c
}

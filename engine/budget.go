package engine

import "sync/atomic"

// maxSteps is the budget of one evaluation: what its regular expressions, JSONPaths and
// dependencies may cost together, at most some 20 milliseconds. Evaluation counts steps
// and not time, so that the same question gets the same answer on every machine.
const maxSteps = 1 << 21

// compileSteps bounds what all JSONPaths may cost together that depend on the document
// alone and are resolved when it is compiled, to some tenths of a second.
const compileSteps = 32 * maxSteps

// budget is what is left of an evaluation's steps.
type budget struct {
	steps    int
	exceeded bool // something was cut off
	by       Cost // what was cut off first
}

// exceed takes note that the budget was used up by c.
func (b *budget) exceed(c Cost) {
	if !b.exceeded {
		b.exceeded, b.by = true, c
	}
}

// Cost is what costs an evaluation steps of its budget.
type Cost uint8

// The costs, and how many there are.
const (
	CostRegex Cost = iota
	CostJSONPath
	CostDependency // flags that a condition reads
	NumCosts       = iota
)

// String returns the name of c in metrics.
func (c Cost) String() string {
	return [NumCosts]string{CostRegex: "regex", CostJSONPath: "jsonpath", CostDependency: "dependency"}[c]
}

// cutOffs counts the evaluations of a program that exceeded their budget.
type cutOffs struct {
	counts [NumCosts]atomic.Uint64
	notify atomic.Pointer[func()]
}

func (c *cutOffs) add(by Cost) {
	c.counts[by].Add(1)
	if notify := c.notify.Swap(nil); notify != nil {
		(*notify)()
	}
}

// CutOffs returns how many evaluations exceeded their budget of steps, by what used it up.
// A condition that was cut off did not hold in them.
func (p *Program) CutOffs() (counts [NumCosts]uint64) {
	for by := range counts {
		counts[by] = p.cutOffs.counts[by].Load()
	}
	return counts
}

// OnCutOff has notify called once, by the next evaluation that exceeds its budget and on
// its goroutine.
func (p *Program) OnCutOff(notify func()) { p.cutOffs.notify.Store(&notify) }

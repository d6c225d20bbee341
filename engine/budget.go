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
}

// cutOffs counts the evaluations of a program that exceeded their budget.
type cutOffs struct {
	count  atomic.Uint64
	notify atomic.Pointer[func()]
}

func (c *cutOffs) add() {
	c.count.Add(1)
	if notify := c.notify.Swap(nil); notify != nil {
		(*notify)()
	}
}

// CutOffs returns how many evaluations exceeded their budget of steps. A condition that
// was cut off did not hold in them.
func (p *Program) CutOffs() uint64 { return p.cutOffs.count.Load() }

// OnCutOff has notify called once, by the next evaluation that exceeds its budget and on
// its goroutine.
func (p *Program) OnCutOff(notify func()) { p.cutOffs.notify.Store(&notify) }

package regex

// opcode is one kind of step of the backtracking engine.
type opcode uint8

const (
	opMatch     opcode = iota
	opChar             // consume char
	opSet              // consume a character of set
	opPosition         // check position
	opJump             // go to x
	opSplit            // go on; on failure resume at x
	opSave             // register x = position in the text
	opRun              // consume between min and max characters of set or char, as kind says
	opLoopInit         // begin loop x
	opLoop             // decide on one more iteration of loop x; leave to y
	opLazyMore         // where a lazy opLoop resumes: try one more iteration after all
	opLoopCut          // end of one iteration of possessive loop x: forget its alternatives
	opMark             // register x = number of alternatives, register x+1 = position
	opCut              // forget the alternatives since opMark x
	opLookEnd          // opCut, and return to the position of opMark x
	opLookNot          // opMark, with y as the alternative
	opLookFail         // forget the alternatives since opLookNot x, its own included, and fail
	opBack             // step back x characters
	opReference        // consume what group register x holds
	opCondition        // go on if the group at register x is set, else go to y
)

// instruction is one step. Which fields count depends on op.
type instruction struct {
	op       opcode
	kind     repeatKind
	position positionKind
	folding  folding
	char     rune
	x, y     int32
	min, max int32
	set      *runeSet
}

// program is a pattern for the backtracking engine. Its size is linear in the pattern: repeats
// are counted while matching, never copied.
type program struct {
	code []instruction
	// registers is how many numbers a match needs: two for each group something refers to,
	// three for each loop, two for each lookaround and atomic group.
	registers int
}

// maxCount stands for infinite, and for all counts too large to be reached within the budget.
const maxCount = 1<<31 - 1

// assembler turns a tree into a program.
type assembler struct {
	program
	groups map[int]int32 // register of each group something refers to
}

func assemble(t *tree) *program {
	a := &assembler{groups: map[int]int32{}}
	a.findReferences(t.root)
	a.node(t.root)
	a.add(instruction{op: opMatch})
	return &a.program
}

// findReferences gives registers to the groups that backreferences and conditionals name; what
// the others capture does not matter to the answer.
func (a *assembler) findReferences(n node) {
	switch n := n.(type) {
	case backreference:
		a.refer(n.group)
	case conditional:
		a.refer(n.group)
	}
	each(n, a.findReferences)
}

func (a *assembler) refer(group int) {
	if _, known := a.groups[group]; !known {
		a.groups[group] = a.reserve(2)
	}
}

func (a *assembler) reserve(n int) int32 {
	first := a.registers
	a.registers += n
	return int32(first)
}

func (a *assembler) add(in instruction) int {
	a.code = append(a.code, in)
	return len(a.code) - 1
}

func (a *assembler) here() int32 { return int32(len(a.code)) }

func (a *assembler) node(n node) {
	switch n := n.(type) {
	case sequence:
		for _, item := range n.items {
			a.node(item)
		}
	case alternation:
		a.alternation(n)
	case literal:
		a.add(instruction{op: opChar, char: n.char})
	case class:
		a.add(instruction{op: opSet, set: n.set})
	case position:
		a.add(instruction{op: opPosition, position: n.kind})
	case group:
		register, referred := a.groups[n.index]
		if !referred {
			a.node(n.body)
			return
		}
		a.add(instruction{op: opSave, x: register})
		a.node(n.body)
		a.add(instruction{op: opSave, x: register + 1})
	case repeat:
		a.repeat(n)
	case atomicGroup:
		mark := a.reserve(2)
		a.add(instruction{op: opMark, x: mark})
		a.node(n.body)
		a.add(instruction{op: opCut, x: mark})
	case look:
		a.look(n)
	case backreference:
		a.add(instruction{op: opReference, x: a.groups[n.group], folding: n.folding})
	case conditional:
		test := a.add(instruction{op: opCondition, x: a.groups[n.group]})
		a.node(n.yes)
		jump := a.add(instruction{op: opJump})
		a.code[test].y = a.here()
		a.node(n.no)
		a.code[jump].x = a.here()
	}
}

func (a *assembler) alternation(n alternation) {
	var jumps []int
	for i, branch := range n.branches {
		if i == len(n.branches)-1 {
			a.node(branch)
			break
		}
		split := a.add(instruction{op: opSplit})
		a.node(branch)
		jumps = append(jumps, a.add(instruction{op: opJump}))
		a.code[split].x = a.here()
	}
	for _, jump := range jumps {
		a.code[jump].x = a.here()
	}
}

func (a *assembler) look(n look) {
	mark := a.reserve(2)
	begin := a.add(instruction{op: opMark, x: mark})
	if n.negate {
		a.code[begin].op = opLookNot
	}
	if n.behind {
		if w := n.body.width(); w.min > 0 {
			a.add(instruction{op: opBack, x: int32(min(w.min, maxCount))})
		}
	}
	a.node(n.body)
	if n.negate {
		a.add(instruction{op: opLookFail, x: mark})
		a.code[begin].y = a.here()
		return
	}
	a.add(instruction{op: opLookEnd, x: mark})
}

func (a *assembler) repeat(n repeat) {
	low, high := int32(min(n.min, maxCount)), int32(min(n.max, maxCount))
	if in, ok := singleChar(n.body); ok {
		in.op, in.kind, in.min, in.max = opRun, n.kind, low, high
		a.add(in)
		return
	}
	if n.body.width().max == 0 {
		// What consumes nothing changes nothing after a few iterations: at most one group can
		// become set in each.
		low, high = min(low, maxEmptyIterations), min(high, maxEmptyIterations)
	}
	switch {
	case high == 0:
		return
	case low == 1 && high == 1 && n.kind != possessive:
		a.node(n.body)
		return
	}
	loop := a.reserve(3)
	a.add(instruction{op: opLoopInit, x: loop})
	head := a.add(instruction{op: opLoop, kind: n.kind, x: loop, min: low, max: high})
	if n.kind == lazy {
		a.add(instruction{op: opLazyMore, x: loop, min: low, max: high})
	}
	a.node(n.body)
	if n.kind == possessive {
		a.add(instruction{op: opLoopCut, x: loop})
	}
	a.add(instruction{op: opJump, x: int32(head)})
	a.code[head].y = a.here()
}

const maxEmptyIterations = 100

// singleChar finds the one-character construct behind n, groups that nothing refers to peeled
// off: a run of them needs no loop.
func singleChar(n node) (instruction, bool) {
	for {
		switch c := n.(type) {
		case group:
			if c.index != 0 {
				return instruction{}, false
			}
			n = c.body
		case literal:
			return instruction{char: c.char}, true
		case class:
			return instruction{set: c.set}, true
		default:
			return instruction{}, false
		}
	}
}

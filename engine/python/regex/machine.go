package regex

const (
	// MaxSteps is how many steps a match with the backtracking engine takes at most, 10 to 20
	// milliseconds on common hardware.
	MaxSteps = 1 << 21
	// maxAlternatives and maxUndo bound a match's memory to a few megabytes.
	maxAlternatives = 1 << 18
	maxUndo         = 1 << 19
	// maxText is the longest text, in bytes, the engine looks at.
	maxText = 1 << 20
	// keptEntries is how large the stacks of a machine may be that is kept for reuse.
	keptEntries = 1 << 13
)

// machine is the working memory of one match.
type machine struct {
	text         []rune
	registers    []int32
	alternatives []alternative
	undo         []saved
	steps        int
}

// alternative is a place to resume after a failure.
type alternative struct {
	pc, pos int32
	// undo is how long the undo list was: what came after is taken back.
	undo int32
	// rest is resumePlain, or belongs to an opRun: the position a greedy run may not give
	// characters back beyond, or how many characters a lazy one may still take.
	rest int32
}

const resumePlain = -1

// saved is the former value of a register.
type saved struct{ register, value int32 }

// unset is the value of a register nothing was stored in.
const unset = -1

func (m *machine) small() bool {
	return cap(m.text) <= keptEntries && cap(m.alternatives) <= keptEntries && cap(m.undo) <= keptEntries
}

func (m *machine) match(p *program, text string, steps *int) (bool, error) {
	budget := min(*steps-len(text), MaxSteps)
	if len(text) > maxText || budget <= 0 {
		return false, ErrBudget
	}
	m.load(p, text, budget)
	matched, err := m.run(p.code)
	*steps -= len(text) + budget - max(m.steps, 0)
	return matched, err
}

func (m *machine) load(p *program, text string, steps int) {
	m.text = m.text[:0]
	for _, r := range text {
		m.text = append(m.text, r)
	}
	if cap(m.registers) < p.registers {
		m.registers = make([]int32, p.registers)
	}
	m.registers = m.registers[:p.registers]
	for i := range m.registers {
		m.registers[i] = unset
	}
	m.alternatives, m.undo, m.steps = m.alternatives[:0], m.undo[:0], steps
}

func (m *machine) set(register, value int32) {
	if len(m.alternatives) > 0 {
		m.undo = append(m.undo, saved{register: register, value: m.registers[register]})
	}
	m.registers[register] = value
}

func (m *machine) push(pc, pos, rest int32) {
	m.alternatives = append(m.alternatives, alternative{pc: pc, pos: pos, undo: int32(len(m.undo)), rest: rest})
}

// cut forgets all alternatives but the first n. The undo list stays: an older alternative may
// need it.
func (m *machine) cut(n int32) { m.alternatives = m.alternatives[:n] }

// run interprets code from its beginning at the beginning of the text.
func (m *machine) run(code []instruction) (bool, error) {
	var pc, pos int32
	end := int32(len(m.text))
	for {
		if m.steps--; m.steps < 0 || len(m.alternatives) > maxAlternatives || len(m.undo) > maxUndo {
			return false, ErrBudget
		}
		in := &code[pc]
		pc++
		ok := true
		switch in.op {
		case opMatch:
			return true, nil
		case opChar:
			ok = pos < end && m.text[pos] == in.char
			pos++
		case opSet:
			ok = pos < end && in.set.contains(m.text[pos])
			pos++
		case opPosition:
			ok = m.at(in.position, pos)
		case opJump:
			pc = in.x
		case opSplit:
			m.push(in.x, pos, resumePlain)
		case opSave:
			m.set(in.x, pos)
		case opRun:
			pos, ok = m.beginRun(in, pc-1, pos)
		case opLoopInit:
			m.set(in.x+loopCount, -1)
			m.set(in.x+loopLast, unset)
		case opLoop:
			pc = m.loop(in, pc, pos)
		case opLazyMore:
			ok = m.lazyMore(in, pos)
		case opLoopCut:
			m.cut(m.registers[in.x+loopMark])
		case opMark:
			m.set(in.x, int32(len(m.alternatives)))
			m.set(in.x+1, pos)
		case opCut:
			m.cut(m.registers[in.x])
		case opLookEnd:
			m.cut(m.registers[in.x])
			pos = m.registers[in.x+1]
		case opLookNot:
			m.set(in.x, int32(len(m.alternatives)))
			m.push(in.y, pos, resumePlain)
		case opLookFail:
			m.cut(m.registers[in.x])
			ok = false
		case opBack:
			pos -= in.x
			ok = pos >= 0
		case opReference:
			pos, ok = m.reference(in, pos)
		case opCondition:
			if start, stop := m.registers[in.x], m.registers[in.x+1]; start < 0 || stop < start {
				pc = in.y
			}
		}
		for !ok {
			if len(m.alternatives) == 0 {
				return false, nil
			}
			pc, pos, ok = m.resume(code)
		}
	}
}

// resume goes back to the latest alternative. It reports false if that one cannot be tried.
func (m *machine) resume(code []instruction) (pc, pos int32, ok bool) {
	last := len(m.alternatives) - 1
	a := &m.alternatives[last]
	for i := len(m.undo) - 1; i >= int(a.undo); i-- {
		m.registers[m.undo[i].register] = m.undo[i].value
	}
	m.undo = m.undo[:a.undo]
	if a.rest == resumePlain {
		pc, pos = a.pc, a.pos
		m.alternatives = m.alternatives[:last]
		return pc, pos, true
	}
	in := &code[a.pc]
	pc = a.pc + 1
	if in.kind == greedy {
		pos, ok = m.giveBack(a, &code[pc])
	} else {
		pos, ok = m.takeOne(a, in)
	}
	if !ok || a.rest == pos && in.kind == greedy || a.rest == 0 && in.kind == lazy {
		m.alternatives = m.alternatives[:last]
	}
	return pc, pos, ok
}

// giveBack shortens a greedy run by one character, or by as many as it takes for a character
// that must follow it.
func (m *machine) giveBack(a *alternative, next *instruction) (pos int32, ok bool) {
	a.pos--
	if next.op == opChar {
		for a.pos > a.rest && m.text[a.pos] != next.char {
			a.pos--
			m.steps--
		}
	}
	return a.pos, a.pos >= a.rest
}

// takeOne lengthens a lazy run by one character.
func (m *machine) takeOne(a *alternative, in *instruction) (pos int32, ok bool) {
	if int(a.pos) >= len(m.text) || !in.takes(m.text[a.pos]) {
		return 0, false
	}
	a.pos++
	if a.rest != maxCount {
		a.rest--
	}
	return a.pos, true
}

func (in *instruction) takes(r rune) bool {
	if in.set != nil {
		return in.set.contains(r)
	}
	return r == in.char
}

// beginRun consumes as much as an opRun takes at first, and leaves an alternative for the rest.
func (m *machine) beginRun(in *instruction, pc, pos int32) (int32, bool) {
	most := in.max
	if in.kind == lazy {
		most = in.min
	}
	most = min(most, int32(len(m.text))-pos)
	var n int32
	for n < most && in.takes(m.text[pos+n]) {
		n++
	}
	m.steps -= int(n)
	switch {
	case n < in.min:
		return pos, false
	case in.kind == greedy && n > in.min:
		m.push(pc, pos+n, pos+in.min)
	case in.kind == lazy && in.max == maxCount:
		m.push(pc, pos+n, maxCount)
	case in.kind == lazy && in.max > in.min:
		m.push(pc, pos+n, in.max-in.min)
	}
	return pos + n, true
}

// Registers of a loop, from its first on.
const (
	loopCount = iota // completed iterations; -1 before the loop is first decided on
	loopLast         // where the latest optional iteration began
	loopMark         // number of alternatives before the current iteration, for possessive loops
)

// loop decides on one more iteration, whose code starts at body, and returns where to go on. As
// in Python an optional iteration that consumes nothing is the last one.
func (m *machine) loop(in *instruction, body, pos int32) int32 {
	count := m.registers[in.x+loopCount] + 1
	if in.kind == possessive {
		m.set(in.x+loopMark, int32(len(m.alternatives)))
	}
	if count < in.min {
		m.set(in.x+loopCount, count)
		if in.kind == lazy {
			body++ // past opLazyMore
		}
		return body
	}
	if in.kind == lazy {
		m.push(body, pos, resumePlain)
		return in.y
	}
	if count >= in.max && in.max != maxCount || pos == m.registers[in.x+loopLast] {
		return in.y
	}
	m.push(in.y, pos, resumePlain)
	m.set(in.x+loopCount, count)
	m.set(in.x+loopLast, pos)
	return body
}

func (m *machine) lazyMore(in *instruction, pos int32) bool {
	count := m.registers[in.x+loopCount] + 1
	if count >= in.max && in.max != maxCount || pos == m.registers[in.x+loopLast] {
		return false
	}
	m.set(in.x+loopCount, count)
	m.set(in.x+loopLast, pos)
	return true
}

func (m *machine) reference(in *instruction, pos int32) (int32, bool) {
	start, stop := m.registers[in.x], m.registers[in.x+1]
	if start < 0 || stop < start || int(pos+stop-start) > len(m.text) {
		return pos, false
	}
	for i := start; i < stop; i++ {
		m.steps--
		if m.text[i] != m.text[pos] && in.folding.lower(m.text[i]) != in.folding.lower(m.text[pos]) {
			return pos, false
		}
		pos++
	}
	return pos, true
}

func (m *machine) at(kind positionKind, pos int32) bool {
	end := int32(len(m.text))
	switch kind {
	case textStart:
		return pos == 0
	case lineStart:
		return pos == 0 || m.text[pos-1] == '\n'
	case textEnd:
		return pos == end
	case finalEnd:
		return pos == end || pos == end-1 && m.text[pos] == '\n'
	case lineEnd:
		return pos == end || m.text[pos] == '\n'
	case wordBoundary:
		return m.boundary(isWord, pos)
	case asciiBoundary:
		return m.boundary(isASCIIWord, pos)
	// In Python \b and \B do not hold in an empty text.
	case notWordBoundary:
		return end > 0 && !m.boundary(isWord, pos)
	default: // notASCIIBoundary
		return end > 0 && !m.boundary(isASCIIWord, pos)
	}
}

func (m *machine) boundary(word func(rune) bool, pos int32) bool {
	before := pos > 0 && word(m.text[pos-1])
	after := int(pos) < len(m.text) && word(m.text[pos])
	return before != after
}

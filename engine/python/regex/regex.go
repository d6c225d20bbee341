package regex

import (
	"errors"
	"regexp"
	"sync"
)

var (
	// ErrSyntax is wrapped by every error of [Compile].
	ErrSyntax = errors.New("invalid Python regular expression")

	// ErrBudget is returned by [Regexp.Match] when it gave up before it knew the answer: the
	// pattern is too expensive for this text.
	ErrBudget = errors.New("regular expression match budget exhausted")
)

// Regexp is a compiled Python regular expression. It is immutable and safe for concurrent use.
type Regexp struct {
	// linear is nil if the pattern can not be expressed on Go's engine at all.
	linear *regexp.Regexp
	// size is about how many instructions linear has.
	size int
	// limits names the texts for which linear answers differently from Python.
	limits textLimits
	// program is nil if linear is right for every text.
	program  *program
	machines sync.Pool
}

// Compile parses a Python regular expression. The time and memory it takes are bounded by the
// length of the pattern, whatever repeat counts it names. An error wraps [ErrSyntax] and names
// the cause and its position, counted in characters as Python does.
func Compile(pattern string) (*Regexp, error) {
	tree, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	re := &Regexp{}
	re.linear, re.limits = emitLinear(tree)
	re.size = int(linearSize(tree.root))
	if re.linear == nil || re.limits != 0 {
		re.program = assemble(tree)
	}
	return re, nil
}

// Match reports whether Python's re.match would find a match at the start of text. It takes the
// steps that this needs from steps, at most [MaxSteps]. err is [ErrBudget], and matched false,
// when they do not suffice. A step is a few nanoseconds. How many are needed depends on pattern
// and text alone, never on the machine's load. A byte of text that is not valid UTF-8 counts as
// one U+FFFD. Safe for concurrent use.
func (re *Regexp) Match(text string, steps *int) (matched bool, err error) {
	if re.linear != nil && re.limits.allow(text) {
		// Go's engine has no budget: it is charged what it needs at most.
		cost := re.size * (len(text) + 1)
		if cost > *steps {
			return false, ErrBudget
		}
		*steps -= cost
		return re.linear.MatchString(text), nil
	}
	m, ok := re.machines.Get().(*machine)
	if !ok {
		m = &machine{}
	}
	matched, err = m.match(re.program, text, steps)
	if m.small() {
		re.machines.Put(m)
	}
	return matched, err
}

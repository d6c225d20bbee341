package regex

import (
	"errors"
	"regexp"
	"sync"
	"sync/atomic"
)

var (
	// ErrSyntax is wrapped by every error of [Compile].
	ErrSyntax = errors.New("invalid Python regular expression")

	// ErrBudget is returned by [Regexp.Match] when it gave up before it knew the answer: the
	// pattern is too expensive for this text.
	ErrBudget = errors.New("regular expression match budget exhausted")
)

// Regexp is a Python regular expression. It is safe for concurrent use.
type Regexp struct {
	pattern string
	// matcher is nil until the first match. Of thousands of environments, the segments of many
	// are never asked for, and a matcher takes many times the memory of its pattern.
	matcher atomic.Pointer[matcher]
}

// matcher is a pattern, compiled. It is immutable.
type matcher struct {
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

// eagerEffort is the effort from which Compile makes the matcher: it takes longer, some 50
// microseconds, than a first match should wait.
const eagerEffort = 250

// Compile parses a Python regular expression. The time and memory it takes are bounded by the
// length of the pattern, whatever repeat counts it names. An error wraps [ErrSyntax] and names
// the cause and its position, counted in characters as Python does. The first match completes
// the compilation of a simple pattern.
func Compile(pattern string) (*Regexp, error) {
	tree, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	re := &Regexp{pattern: pattern}
	if linearEffort(tree) >= eagerEffort {
		re.matcher.Store(newMatcher(tree))
	}
	return re, nil
}

func newMatcher(tree *tree) *matcher {
	m := &matcher{size: int(linearSize(tree.root))}
	m.linear, m.limits = emitLinear(tree)
	if m.linear == nil || m.limits != 0 {
		m.program = assemble(tree)
	}
	return m
}

// compiled returns the matcher, which it makes at the first call.
func (re *Regexp) compiled() *matcher {
	if m := re.matcher.Load(); m != nil {
		return m
	}
	tree, _ := parse(re.pattern) // Compile has parsed it
	re.matcher.CompareAndSwap(nil, newMatcher(tree))
	return re.matcher.Load()
}

// Match reports whether Python's re.match would find a match at the start of text. It takes the
// steps that this needs from steps, at most [MaxSteps]. err is [ErrBudget], and matched false,
// when they do not suffice. A step is a few nanoseconds. How many are needed depends on pattern
// and text alone, never on the machine's load. A byte of text that is not valid UTF-8 counts as
// one U+FFFD. Safe for concurrent use.
func (re *Regexp) Match(text string, steps *int) (matched bool, err error) {
	return re.compiled().match(text, steps)
}

func (m *matcher) match(text string, steps *int) (matched bool, err error) {
	if m.linear != nil && m.limits.allow(text) {
		// Go's engine has no budget: it is charged what it needs at most.
		cost := m.size * (len(text) + 1)
		if cost > *steps {
			return false, ErrBudget
		}
		*steps -= cost
		return m.linear.MatchString(text), nil
	}
	worker, ok := m.machines.Get().(*machine)
	if !ok {
		worker = &machine{}
	}
	matched, err = worker.match(m.program, text, steps)
	if worker.small() {
		m.machines.Put(worker)
	}
	return matched, err
}

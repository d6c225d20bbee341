package regex

import (
	"fmt"
	"math"
	"strconv"
)

// maxNesting bounds how deep groups may nest. Python's own parser gives up at about this depth.
const maxNesting = 500

// maxFolding bounds the work on the classes of a pattern under (?i), where a few characters such
// as [\u0100-\uffff] stand for more than a thousand letters in two cases.
const maxFolding = 1 << 18

const (
	digits      = "0123456789"
	octalDigits = "01234567"
	hexDigits   = "0123456789abcdefABCDEF"
	verboseSkip = " \t\n\r\v\f"
)

// parser reads Python's syntax as Python 3.12 does: what is an error there is one here.
type parser struct {
	scanner
	global flags
	names  map[string]int
	// groups has an entry for each group opened so far; index 0 is unused.
	groups []groupState
	// lookbehindFrom is the first group that can not be referred to because it is opened in the
	// lookbehind being parsed, 0 outside lookbehind.
	lookbehindFrom int
	// conditions are the group numbers conditionals name, which may be opened only later.
	conditions []condition
	// folded counts the cased letters in the ranges of all classes so far.
	folded int
	// letters holds the classes that case folding made of single characters, to share them.
	letters map[letter]node
}

type letter struct {
	char    rune
	folding folding
}

type groupState struct {
	closed bool
	w      width
}

type condition struct{ group, pos int }

// tree is a parsed pattern.
type tree struct {
	root node
	// groups is the number of the highest capturing group.
	groups int
}

func parse(pattern string) (t *tree, err error) {
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case syntaxError:
			err = failed.error
		default:
			panic(failed)
		}
	}()
	p := &parser{scanner: newScanner(pattern), names: map[string]int{}, letters: map[letter]node{}, groups: make([]groupState, 1)}
	root := p.parseAlternation(0, 0)
	if !p.peek().end() {
		panic(p.fail("unbalanced parenthesis"))
	}
	for _, c := range p.conditions {
		if c.group >= len(p.groups) {
			panic(failAt(fmt.Sprintf("invalid group reference %d", c.group), c.pos))
		}
	}
	return &tree{root: root, groups: len(p.groups) - 1}, nil
}

// parseAlternation reads branches up to a closing parenthesis or the end. Depth 0 is the pattern.
func (p *parser) parseAlternation(f flags, depth int) node {
	var branches []node
	for {
		branches = append(branches, p.parseSequence(f, depth+1, depth == 0 && branches == nil))
		if !p.accept('|') {
			return newAlternation(branches)
		}
		if depth == 0 {
			f = p.global
		}
	}
}

// parseSequence reads constructs up to a bar, a closing parenthesis or the end. Only where leads
// is true, and before the first construct, flags may be set for the whole pattern.
func (p *parser) parseSequence(f flags, depth int, leads bool) node {
	if depth > maxNesting {
		panic(p.fail("groups nested too deeply"))
	}
	var items []node
	for {
		start := p.pos
		t := p.peek()
		if t.end() || t.in("|)") {
			return newSequence(items)
		}
		p.next()
		if f&verbose != 0 {
			if t.in(verboseSkip) {
				continue
			}
			if t.is('#') {
				for t = p.next(); !t.end() && !t.is('\n'); t = p.next() {
				}
				continue
			}
		}
		var item node
		switch {
		case t.escaped:
			item = p.parseEscape(t, start, f)
		case t.is('['):
			item = p.parseClass(start, f)
		case t.is('.'):
			item = class{set: anyExceptNewline}
			if f&dotAll != 0 {
				item = class{set: anyChar}
			}
		case t.is('^'):
			item = f.position(multiLine, lineStart, textStart)
		case t.is('$'):
			item = f.position(multiLine, lineEnd, finalEnd)
		case t.is('('):
			item = p.parseGroup(start, f, depth, leads && len(items) == 0)
			if item == nil && leads && len(items) == 0 {
				f = p.global
			}
		case t.in("*+?{"):
			if low, high, quantifier := p.parseCount(t, start); quantifier {
				p.quantify(items, low, high, start)
				continue
			}
			item = p.literal(t.char, f)
		default:
			item = p.literal(t.char, f)
		}
		if item != nil {
			items = append(items, item)
		}
	}
}

// parseCount reads the bounds of a quantifier that starts with t. A brace that does not open a
// valid quantifier is an ordinary character, and nothing after it is consumed.
func (p *parser) parseCount(t token, start int) (low, high uint32, ok bool) {
	switch t.char {
	case '?':
		return 0, 1, true
	case '*':
		return 0, infinite, true
	case '+':
		return 1, infinite, true
	}
	if p.peek().is('}') {
		return 0, 0, false
	}
	afterBrace := p.pos
	least := p.take(math.MaxInt, digits)
	most := least
	if p.accept(',') {
		most = p.take(math.MaxInt, digits)
	}
	if !p.accept('}') {
		p.pos = afterBrace
		return 0, 0, false
	}
	low, high = p.parseBound(least, 0, start), p.parseBound(most, infinite, start)
	if high < low {
		panic(failAt("min repeat greater than max repeat", start))
	}
	return low, high, true
}

// parseBound returns the bound that digits stand for, or otherwise without digits.
func (p *parser) parseBound(digits string, otherwise uint32, start int) uint32 {
	if digits == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n >= infinite {
		panic(failAt("the repetition number is too large", start))
	}
	return uint32(n)
}

// quantify wraps the last of items.
func (p *parser) quantify(items []node, low, high uint32, start int) {
	if len(items) == 0 {
		panic(failAt("nothing to repeat", start))
	}
	last := len(items) - 1
	switch items[last].(type) {
	case position:
		panic(failAt("nothing to repeat", start))
	case repeat:
		panic(failAt("multiple repeat", start))
	}
	if p.global&template != 0 {
		panic(failAt("quantifier in a template pattern", start))
	}
	r := repeat{body: items[last], min: low, max: high, w: items[last].width().times(low, high)}
	if p.accept('?') {
		r.kind = lazy
	} else if p.accept('+') {
		r.kind = possessive
	}
	items[last] = r
}

// literal is one character of the pattern under f.
func (p *parser) literal(r rune, f flags) node {
	key := letter{char: r, folding: f.folding()}
	if !key.folding.cased(r) {
		return literal{char: r}
	}
	item, known := p.letters[key]
	if !known {
		item = class{set: newRuneSet(false, key.folding.foldMembers([]rune{r}, nil, true), 0)}
		p.letters[key] = item
	}
	return item
}

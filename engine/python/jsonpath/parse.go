package jsonpath

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep filters, parentheses and calls may nest.
const maxDepth = 200

// Parse parses a JSONPath, which begins with $. The error says what is wrong and where.
func Parse(text string) (q *Query, err error) {
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case syntaxError:
			q, err = nil, failed.error
		default:
			panic(failed)
		}
	}()
	p := parser{text: text}
	if !p.accept("$") {
		panic(p.wrong("it does not begin with $"))
	}
	if q = p.query(); p.at < len(text) {
		panic(p.wrong("unexpected text"))
	}
	return q, nil
}

type parser struct {
	text   string
	at     int
	depth  int
	rooted []*Query // the queries from the root, of the filter that is being parsed
}

// syntaxError is an error in a JSONPath. The parser panics with it, and Parse returns it.
type syntaxError struct{ error }

func (p *parser) wrong(format string, args ...any) syntaxError {
	return syntaxError{fmt.Errorf("no JSONPath: %s at byte %d", fmt.Sprintf(format, args...), p.at)}
}

func (p *parser) rest() string { return p.text[p.at:] }

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// accept skips s if it comes next, and reports whether it did.
func (p *parser) accept(s string) bool {
	if !strings.HasPrefix(p.rest(), s) {
		return false
	}
	p.at += len(s)
	return true
}

func (p *parser) blanks() {
	p.at = len(p.text) - len(strings.TrimLeft(p.rest(), " \n\r\t"))
}

// takeWhile skips the next characters that fit and returns them.
func (p *parser) takeWhile(fits func(r rune) bool) string {
	taken := p.rest()
	if end := strings.IndexFunc(taken, func(r rune) bool { return !fits(r) }); end >= 0 {
		taken = taken[:end]
	}
	p.at += len(taken)
	return taken
}

// enter adds a level of nesting, and returns the function that removes it.
func (p *parser) enter() (leave func()) {
	if p.depth++; p.depth > maxDepth {
		panic(p.wrong("it nests too deep"))
	}
	return func() { p.depth-- }
}

// query parses segments until something else follows. Blanks are allowed only before a
// segment.
func (p *parser) query() *Query {
	q := new(Query)
	for {
		start := p.at
		p.blanks()
		s := segment{descends: p.accept("..")}
		switch {
		case s.descends && p.peek() != '[', !s.descends && p.accept("."):
			s.selectors = []selector{p.shorthand()}
		case p.accept("["):
			s.selectors = p.brackets()
		default:
			p.at = start
			return q
		}
		q.segments = append(q.segments, s)
	}
}

// shorthand parses what may follow a dot: a name or *.
func (p *parser) shorthand() selector {
	if p.accept("*") {
		return wildcard{}
	}
	if c := p.peek(); c == '-' || isDigit(rune(c)) {
		panic(p.wrong("a name cannot begin with %q", c))
	}
	n := p.takeWhile(inName)
	if n == "" {
		panic(p.wrong("no name after a dot"))
	}
	return name(n)
}

func inName(r rune) bool {
	return r >= utf8.RuneSelf || r == '_' || r == '-' || isDigit(r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// brackets parses the selectors up to the closing bracket.
func (p *parser) brackets() (selectors []selector) {
	for {
		p.blanks()
		selectors = append(selectors, p.selector())
		p.blanks()
		switch {
		case p.accept("]"):
			return selectors
		case !p.accept(","):
			panic(p.wrong("no ] after a selector"))
		}
	}
}

func (p *parser) selector() selector {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		return name(p.quoted())
	case p.accept("*"):
		return wildcard{}
	case p.accept("?"):
		return p.filter()
	case c == '-' || c == ':' || isDigit(rune(c)):
		return p.indexOrSlice()
	default:
		panic(p.wrong("no selector"))
	}
}

func (p *parser) indexOrSlice() selector {
	start := p.integer()
	p.blanks()
	if !p.accept(":") {
		return index(*start) // without a colon there was a number
	}
	p.blanks()
	s := slice{start: start, end: p.integer(), step: 1}
	p.blanks()
	if !p.accept(":") {
		return &s
	}
	p.blanks()
	if step := p.integer(); step != nil {
		s.step = *step
	}
	return &s
}

// maxInteger is the largest index: a float64 has every integer up to it.
const maxInteger = 1<<53 - 1

// integer parses an index. It returns nil if no index follows.
func (p *parser) integer() *int64 {
	negative := p.accept("-")
	digits := p.takeWhile(isDigit)
	switch {
	case digits == "" && !negative:
		return nil
	case digits == "", digits[0] == '0' && (negative || len(digits) > 1):
		panic(p.wrong("no integer"))
	}
	var n int64
	for _, d := range []byte(digits) {
		if n = n*10 + int64(d-'0'); n > maxInteger {
			panic(p.wrong("an index beyond 2⁵³"))
		}
	}
	if negative {
		n = -n
	}
	return &n
}

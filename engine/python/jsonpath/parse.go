package jsonpath

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep filters, parentheses and calls may nest.
const maxDepth = 200

// Parse parses a JSONPath, which begins with $. The error says what is wrong and where.
func Parse(text string) (*Query, error) {
	p := parser{text: text}
	if !p.accept("$") {
		return nil, p.wrong("it does not begin with $")
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if p.at < len(text) {
		return nil, p.wrong("unexpected text")
	}
	return q, nil
}

type parser struct {
	text   string
	at     int
	depth  int
	rooted []*Query // the queries from the root, of the filter that is being parsed
}

func (p *parser) wrong(format string, args ...any) error {
	return fmt.Errorf("no JSONPath: %s at byte %d", fmt.Sprintf(format, args...), p.at)
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

// enter adds a level of nesting. The caller removes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.wrong("it nests too deep")
	}
	return nil
}

// query parses segments until something else follows. Blanks are allowed only before a
// segment.
func (p *parser) query() (*Query, error) {
	q := new(Query)
	for {
		start := p.at
		p.blanks()
		s := segment{descends: p.accept("..")}
		var err error
		switch {
		case s.descends && p.peek() != '[', !s.descends && p.accept("."):
			s.selectors, err = p.shorthand()
		case p.accept("["):
			s.selectors, err = p.brackets()
		default:
			p.at = start
			return q, nil
		}
		if err != nil {
			return nil, err
		}
		q.segments = append(q.segments, s)
	}
}

// shorthand parses what may follow a dot: a name or *.
func (p *parser) shorthand() ([]selector, error) {
	if p.accept("*") {
		return []selector{wildcard{}}, nil
	}
	if c := p.peek(); c == '-' || isDigit(rune(c)) {
		return nil, p.wrong("a name cannot begin with %q", c)
	}
	n := p.takeWhile(inName)
	if n == "" {
		return nil, p.wrong("no name after a dot")
	}
	return []selector{name(n)}, nil
}

func inName(r rune) bool {
	return r >= utf8.RuneSelf || r == '_' || r == '-' || isDigit(r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// brackets parses the selectors up to the closing bracket.
func (p *parser) brackets() ([]selector, error) {
	var selectors []selector
	for {
		p.blanks()
		s, err := p.selector()
		if err != nil {
			return nil, err
		}
		selectors = append(selectors, s)
		p.blanks()
		switch {
		case p.accept("]"):
			return selectors, nil
		case !p.accept(","):
			return nil, p.wrong("no ] after a selector")
		}
	}
}

func (p *parser) selector() (selector, error) {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return name(s), err
	case p.accept("*"):
		return wildcard{}, nil
	case p.accept("?"):
		return p.filter()
	case c == '-' || c == ':' || isDigit(rune(c)):
		return p.indexOrSlice()
	default:
		return nil, p.wrong("no selector")
	}
}

func (p *parser) indexOrSlice() (selector, error) {
	start, err := p.integer()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if !p.accept(":") {
		return index(*start), nil // without a colon there was a number
	}
	s := slice{start: start, step: 1}
	p.blanks()
	if s.end, err = p.integer(); err != nil {
		return nil, err
	}
	p.blanks()
	if !p.accept(":") {
		return &s, nil
	}
	p.blanks()
	if step, err := p.integer(); err != nil {
		return nil, err
	} else if step != nil {
		s.step = *step
	}
	return &s, nil
}

// maxInteger is the largest index: a float64 has every integer up to it.
const maxInteger = 1<<53 - 1

// integer parses an index. It returns nil if no index follows.
func (p *parser) integer() (*int64, error) {
	negative := p.accept("-")
	digits := p.takeWhile(isDigit)
	switch {
	case digits == "" && !negative:
		return nil, nil
	case digits == "", digits[0] == '0' && (negative || len(digits) > 1):
		return nil, p.wrong("no integer")
	}
	var n int64
	for _, d := range []byte(digits) {
		if n = n*10 + int64(d-'0'); n > maxInteger {
			return nil, p.wrong("an index beyond 2⁵³")
		}
	}
	if negative {
		n = -n
	}
	return &n, nil
}

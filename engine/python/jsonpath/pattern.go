package jsonpath

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// compilePattern compiles a pattern in the notation of JSONPath's functions (I-Regexp,
// RFC 9485) between two texts in Go's notation. It returns nil for an invalid pattern.
func compilePattern(text, before, after string) *pattern {
	p := patternParser{parser: parser{text: text}}
	if !p.branches() || p.at < len(text) {
		return nil
	}
	goForm := before + p.goForm.String() + after
	re, err := regexp.Compile(goForm)
	if err != nil {
		return nil
	}
	tree, _ := syntax.Parse(goForm, syntax.Perl) // which regexp.Compile does, too
	program, _ := syntax.Compile(tree.Simplify())
	return &pattern{re, len(program.Inst)}
}

// pattern is a compiled pattern. A match takes at most size steps for each character.
type pattern struct {
	*regexp.Regexp
	size int
}

// patternParser checks a pattern and translates it to Go's notation, where only a dot
// means something else.
type patternParser struct {
	parser
	goForm strings.Builder
}

// take copies the next character if it fits, and reports whether it did.
func (p *patternParser) take(fits func(r rune) bool) bool {
	r, size := utf8.DecodeRuneInString(p.rest())
	if size == 0 || !fits(r) {
		return false
	}
	return p.takeText(p.rest()[:size])
}

func (p *patternParser) takeText(s string) bool {
	taken := p.accept(s)
	if taken {
		p.goForm.WriteString(s)
	}
	return taken
}

func (p *patternParser) branches() bool {
	if p.depth++; p.depth > maxDepth {
		return false
	}
	defer func() { p.depth-- }()
	for {
		for p.at < len(p.text) && p.peek() != '|' && p.peek() != ')' {
			if !p.atom() || !p.quantifier() {
				return false
			}
		}
		if !p.takeText("|") {
			return true
		}
	}
}

func (p *patternParser) atom() bool {
	switch {
	case p.accept("."):
		p.goForm.WriteString(`[^\n\r]`)
		return true
	case p.takeText("("):
		return p.branches() && p.takeText(")")
	case p.takeText("["):
		return p.class()
	case p.takeText(`\`):
		return p.escapedClass()
	default:
		return p.take(func(r rune) bool { return !strings.ContainsRune(`()*+.?[\]{|}`, r) })
	}
}

// escapedClass parses what may follow a backslash.
func (p *patternParser) escapedClass() bool {
	if p.takeText("p{") || p.takeText("P{") {
		for p.take(func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }) {
		}
		return p.takeText("}")
	}
	return p.take(func(r rune) bool { return strings.ContainsRune(`()*+-.?[\]^nrt{|}`, r) })
}

// class parses a class after its opening bracket. A dash is a character at the start
// and at the end, and makes a range between two members.
func (p *patternParser) class() bool {
	p.takeText("^")
	if !p.takeText("-") && !p.classMembers() {
		return false
	}
	for !p.takeText("]") {
		if p.takeText("-") {
			return p.takeText("]")
		}
		if !p.classMembers() {
			return false
		}
	}
	return true
}

// classMembers parses a member or a range.
func (p *patternParser) classMembers() bool {
	if !p.classMember() {
		return false
	}
	if rest := p.rest(); len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return true
	}
	return p.takeText("-") && p.classMember()
}

func (p *patternParser) classMember() bool {
	if p.takeText(`\`) {
		return p.escapedClass()
	}
	return p.take(func(r rune) bool { return r != '-' && r != '[' && r != ']' })
}

func (p *patternParser) quantifier() bool {
	if p.takeText("*") || p.takeText("+") || p.takeText("?") || !p.takeText("{") {
		return true
	}
	digits := func() (some bool) {
		for p.take(isDigit) {
			some = true
		}
		return some
	}
	if !digits() {
		return false
	}
	if p.takeText(",") {
		digits()
	}
	return p.takeText("}")
}

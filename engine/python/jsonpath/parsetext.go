package jsonpath

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// quoted parses a text in single or double quotes.
func (p *parser) quoted() string {
	quote := p.peek()
	p.at++
	var text strings.Builder
	for {
		plain := p.takeWhile(func(r rune) bool { return r >= ' ' && r != '\\' && r != rune(quote) })
		text.WriteString(plain)
		switch {
		case p.accept(string(quote)):
			return text.String()
		case !p.accept(`\`):
			panic(p.wrong("a text without an end"))
		case p.accept(string(quote)):
			text.WriteByte(quote)
		default:
			text.WriteRune(p.escape())
		}
	}
}

// escape parses what follows a backslash, except quotes.
func (p *parser) escape() rune {
	c := p.peek()
	p.at = min(p.at+1, len(p.text))
	if i := strings.IndexByte(`\/bfnrt`, c); i >= 0 {
		return rune("\\/\b\f\n\r\t"[i])
	}
	if c != 'u' {
		panic(p.wrong("an unknown escape"))
	}
	r := p.hex()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if !p.accept(`\u`) {
		panic(p.wrong("half a surrogate pair"))
	}
	if r = utf16.DecodeRune(r, p.hex()); r == '\ufffd' {
		panic(p.wrong("no surrogate pair"))
	}
	return r
}

func (p *parser) hex() rune {
	digits := p.rest()[:min(4, len(p.rest()))]
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) < 4 {
		panic(p.wrong("no four hexadecimal digits"))
	}
	p.at += 4
	return rune(n)
}

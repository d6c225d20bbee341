package jsonpath

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// quoted parses a text in single or double quotes.
func (p *parser) quoted() (string, error) {
	quote := p.peek()
	p.at++
	var text strings.Builder
	for {
		plain := p.takeWhile(func(r rune) bool { return r >= ' ' && r != '\\' && r != rune(quote) })
		text.WriteString(plain)
		switch {
		case p.accept(string(quote)):
			return text.String(), nil
		case !p.accept(`\`):
			return "", p.wrong("a text without an end")
		case p.accept(string(quote)):
			text.WriteByte(quote)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			text.WriteRune(r)
		}
	}
}

// escape parses what follows a backslash, except quotes.
func (p *parser) escape() (rune, error) {
	c := p.peek()
	p.at = min(p.at+1, len(p.text))
	switch c {
	case '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if !p.accept(`\u`) {
			return 0, p.wrong("half a surrogate pair")
		}
		low, err := p.hex()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == '\ufffd' {
			return 0, p.wrong("no surrogate pair")
		}
		return r, nil
	default:
		return 0, p.wrong("an unknown escape")
	}
}

func (p *parser) hex() (rune, error) {
	digits := p.rest()[:min(4, len(p.rest()))]
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) < 4 {
		return 0, p.wrong("no four hexadecimal digits")
	}
	p.at += 4
	return rune(n), nil
}

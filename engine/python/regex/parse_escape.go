package regex

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// simpleEscapes are the escapes that mean one character inside and outside a class. \b is one
// inside a class only.
var simpleEscapes = map[rune]rune{
	'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\',
}

// parseEscape reads an escape outside a class, whose first two characters are t at start.
func (p *parser) parseEscape(t token, start int, f flags) node {
	switch t.char {
	case 'A':
		return position{kind: textStart}
	case 'Z':
		return position{kind: textEnd}
	case 'b':
		return f.position(asciiOnly, asciiBoundary, wordBoundary)
	case 'B':
		return f.position(asciiOnly, notASCIIBoundary, notWordBoundary)
	}
	if c, ok := categoryOf(t.char); ok {
		b := setBuilder{}
		b.addCategory(c, f&asciiOnly != 0)
		return class{set: b.build(false, foldNone)}
	}
	if '1' <= t.char && t.char <= '9' {
		return p.parseNumber(t, start, f)
	}
	return p.literal(p.parseCharEscape(t, start), f)
}

// parseNumber reads \1 … \99, a reference, or three octal digits, a character.
func (p *parser) parseNumber(t token, start int, f flags) node {
	number := string(t.char)
	if p.peek().in(digits) {
		number += string(p.next().char)
		if strings.Trim(number, octalDigits) == "" && p.peek().in(octalDigits) {
			number += string(p.next().char)
			return p.literal(octal(number, start), f)
		}
	}
	index, err := strconv.Atoi(number)
	if err != nil || index >= len(p.groups) {
		panic(failAt("invalid group reference "+number, start))
	}
	return p.newBackreference(index, start, f)
}

// parseCharEscape reads an escape that means one character: all escapes but the ones for
// categories, positions and references. Both inside and outside a class, \0 to \777 are octal;
// outside, the caller has dealt with the ones that are not.
func (p *parser) parseCharEscape(t token, start int) rune {
	if char, ok := simpleEscapes[t.char]; ok {
		return char
	}
	switch t.char {
	case 'x':
		return p.parseHex(2, start)
	case 'u':
		return p.parseHex(4, start)
	case 'U':
		return p.parseHex(8, start)
	case 'N':
		panic(failAt(`named characters (\N{…}) are not supported`, start))
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return octal(string(t.char)+p.take(2, octalDigits), start)
	}
	if t.char == '8' || t.char == '9' || isASCIILetter(t.char) {
		panic(failAt(fmt.Sprintf(`bad escape \%c`, t.char), start))
	}
	return t.char
}

func (p *parser) parseHex(length, start int) rune {
	number := p.take(length, hexDigits)
	if len(number) != length {
		panic(failAt("incomplete escape", start))
	}
	value, err := strconv.ParseUint(number, 16, 32)
	if err != nil || value > unicode.MaxRune {
		panic(failAt("bad escape: no such character", start))
	}
	return rune(value)
}

func octal(number string, start int) rune {
	value, err := strconv.ParseUint(number, 8, 32)
	if err != nil || value > 0o377 {
		panic(failAt(fmt.Sprintf(`octal escape value \%s outside of range 0-0o377`, number), start))
	}
	return rune(value)
}

func isASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

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
func (p *parser) parseEscape(t token, start int, f flags) (node, error) {
	ascii := f&asciiOnly != 0
	switch t.char {
	case 'A':
		return position{kind: textStart}, nil
	case 'Z':
		return position{kind: textEnd}, nil
	case 'b':
		if ascii {
			return position{kind: asciiBoundary}, nil
		}
		return position{kind: wordBoundary}, nil
	case 'B':
		if ascii {
			return position{kind: notASCIIBoundary}, nil
		}
		return position{kind: notWordBoundary}, nil
	}
	if c, ok := categoryOf(t.char); ok {
		b := setBuilder{}
		b.addCategory(c, ascii)
		return class{set: b.build(false, foldNone)}, nil
	}
	if '1' <= t.char && t.char <= '9' {
		return p.parseNumber(t, start, f)
	}
	char, err := p.parseCharEscape(t, start)
	if err != nil {
		return nil, err
	}
	return p.literal(char, f), nil
}

// parseNumber reads \1 … \99, a reference, or three octal digits, a character.
func (p *parser) parseNumber(t token, start int, f flags) (node, error) {
	number := string(t.char)
	if p.peek().in(digits) {
		number += string(p.next().char)
		if strings.Trim(number, octalDigits) == "" && p.peek().in(octalDigits) {
			number += string(p.next().char)
			char, err := octal(number, start)
			if err != nil {
				return nil, err
			}
			return p.literal(char, f), nil
		}
	}
	index, err := strconv.Atoi(number)
	if err != nil || index >= len(p.groups) {
		return nil, failAt("invalid group reference "+number, start)
	}
	return p.newBackreference(index, start, f)
}

// parseCharEscape reads an escape that means one character: all escapes but the ones for
// categories, positions and references. Both inside and outside a class, \0 to \777 are octal;
// outside, the caller has dealt with the ones that are not.
func (p *parser) parseCharEscape(t token, start int) (rune, error) {
	if char, ok := simpleEscapes[t.char]; ok {
		return char, nil
	}
	switch t.char {
	case 'x':
		return p.parseHex(2, start)
	case 'u':
		return p.parseHex(4, start)
	case 'U':
		return p.parseHex(8, start)
	case 'N':
		return 0, failAt(`named characters (\N{…}) are not supported`, start)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return octal(string(t.char)+p.take(2, octalDigits), start)
	}
	if t.char == '8' || t.char == '9' || isASCIILetter(t.char) {
		return 0, failAt(fmt.Sprintf(`bad escape \%c`, t.char), start)
	}
	return t.char, nil
}

func (p *parser) parseHex(length, start int) (rune, error) {
	number := p.take(length, hexDigits)
	if len(number) != length {
		return 0, failAt("incomplete escape", start)
	}
	value, err := strconv.ParseUint(number, 16, 32)
	if err != nil || value > unicode.MaxRune {
		return 0, failAt("bad escape: no such character", start)
	}
	return rune(value), nil
}

func octal(number string, start int) (rune, error) {
	value, err := strconv.ParseUint(number, 8, 32)
	if err != nil || value > 0o377 {
		return 0, failAt(fmt.Sprintf(`octal escape value \%s outside of range 0-0o377`, number), start)
	}
	return rune(value), nil
}

func isASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

package logging

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// parsePercent reads Python's printf style: %(levelname)-8s.
func parsePercent(s string) ([]piece, error) {
	var p pieces
	for {
		before, after, found := strings.Cut(s, "%")
		p.text(before)
		if !found {
			return p.list, nil
		}
		if rest, ok := strings.CutPrefix(after, "%"); ok {
			p.text("%")
			s = rest
			continue
		}
		if !strings.HasPrefix(after, "(") {
			return nil, errors.New("a % must be followed by a name in parentheses or another %")
		}
		name, rest, ok := strings.Cut(after[1:], ")")
		if !ok {
			return nil, errUnfinished
		}
		sp, rest, err := percentSpec(rest)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", show(name), err)
		}
		p.attribute(name, sp)
		s = rest
	}
}

// percentSpec reads what follows the name: flags, width, precision, conversion.
func percentSpec(s string) (spec, string, error) {
	sp := spec{align: '>'}
	zero := false
flags:
	for s != "" {
		switch s[0] {
		case '-':
			sp.align = '<'
		case '0':
			zero = true
		case '+':
			sp.sign = '+'
		case ' ':
			if sp.sign == 0 {
				sp.sign = ' '
			}
		default:
			break flags
		}
		s = s[1:]
	}
	var err error
	if sp.width, s, err = number(s); err != nil {
		return spec{}, "", err
	}
	sp.prec = -1
	if rest, ok := strings.CutPrefix(s, "."); ok {
		if sp.prec, s, err = number(rest); err != nil {
			return spec{}, "", err
		}
		sp.prec = max(sp.prec, 0)
	}
	if s == "" {
		return spec{}, "", errUnfinished
	}
	if sp.verb, err = verb(s[0]); err != nil {
		return spec{}, "", err
	}
	if sp.verb == 's' {
		sp.sign = 0
	} else if zero && sp.align == '>' {
		sp.align, sp.fill = '=', '0'
	}
	return sp, s[1:], nil
}

// parseBrace reads Python's str.format style: {levelname:<8}.
func parseBrace(s string) ([]piece, error) {
	var p pieces
	for {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			p.text(s)
			return p.list, nil
		}
		p.text(s[:i])
		if strings.HasPrefix(s[i+1:], s[i:i+1]) {
			p.text(s[i : i+1])
			s = s[i+2:]
			continue
		}
		if s[i] == '}' {
			return nil, errors.New("a } closes nothing; a brace itself is written }}")
		}
		inside, rest, ok := strings.Cut(s[i+1:], "}")
		if !ok {
			return nil, errUnfinished
		}
		name, format, _ := strings.Cut(inside, ":")
		name = strings.TrimSuffix(name, "!s")
		sp, err := braceSpec(format)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", show(name), err)
		}
		p.attribute(name, sp)
		s = rest
	}
}

// braceSpec reads a format specification: fill and alignment, sign, 0, width,
// precision, conversion.
func braceSpec(s string) (spec, error) {
	sp := spec{prec: -1}
	isAlign := func(i int) bool { return i < len(s) && strings.IndexByte("<>^=", s[i]) >= 0 }
	if fill, size := utf8.DecodeRuneInString(s); isAlign(size) {
		sp.fill, sp.align, s = fill, s[size], s[size+1:]
	} else if isAlign(0) {
		sp.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		if s[0] != '-' {
			sp.sign = s[0]
		}
		s = s[1:]
	}
	if strings.HasPrefix(s, "0") && sp.align == 0 {
		sp.fill = '0'
		sp.align = '='
	}
	var err error
	if sp.width, s, err = number(s); err != nil {
		return spec{}, err
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		if sp.prec, s, err = number(rest); err != nil {
			return spec{}, err
		}
		if sp.prec < 0 {
			return spec{}, errors.New("a precision has no digits")
		}
	}
	if s == "" {
		return sp, nil
	}
	if sp.verb, err = verb(s[0]); err != nil {
		return spec{}, err
	}
	if len(s) > 1 {
		return spec{}, fmt.Errorf("%s is not part of a format specification", show(s[1:]))
	}
	return sp, nil
}

// parseDollar reads Python's string.Template style: ${levelname} or $levelname.
func parseDollar(s string) ([]piece, error) {
	var p pieces
	for {
		before, after, found := strings.Cut(s, "$")
		p.text(before)
		if !found {
			return p.list, nil
		}
		if rest, ok := strings.CutPrefix(after, "$"); ok {
			p.text("$")
			s = rest
			continue
		}
		var name string
		if inside, ok := strings.CutPrefix(after, "{"); ok {
			if name, s, ok = strings.Cut(inside, "}"); !ok {
				return nil, errUnfinished
			}
		} else {
			end := 0
			for end < len(after) && isNameByte(after[end]) {
				end++
			}
			name, s = after[:end], after[end:]
		}
		if name == "" {
			return nil, errors.New("a $ must be followed by a name or another $")
		}
		p.attribute(name, spec{prec: -1})
	}
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// pieces collects a compiled format.
type pieces struct{ list []piece }

func (p *pieces) text(s string) {
	if s != "" {
		p.list = append(p.list, piece{literal: s})
	}
}

func (p *pieces) attribute(name string, sp spec) {
	if name == "" {
		name = "(none)" // refused as unknown: an empty name marks a literal
	}
	p.list = append(p.list, piece{name: name, spec: sp})
}

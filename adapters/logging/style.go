package logging

import (
	"errors"
	"fmt"
	"regexp"
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

// percentForm is what follows a name in printf style: flags, width and precision.
var percentForm = regexp.MustCompile(`^([-0+ ]*)([0-9]*)(\.[0-9]*)?`)

// percentSpec reads what follows the name: flags, width, precision, conversion.
func percentSpec(s string) (spec, string, error) {
	form := percentForm.FindStringSubmatch(s)
	flags, rest := form[1], s[len(form[0]):]
	sp := spec{align: '>'}
	if strings.Contains(flags, "-") {
		sp.align = '<'
	}
	if err := sp.size(form[2], form[3]); err != nil {
		return spec{}, "", err
	}
	if form[3] != "" {
		sp.prec = max(sp.prec, 0)
	}
	if rest == "" {
		return spec{}, "", errUnfinished
	}
	if err := sp.convert(rest[0]); err != nil {
		return spec{}, "", err
	}
	switch {
	case sp.verb == 's':
		return sp, rest[1:], nil
	case strings.Contains(flags, "+"):
		sp.sign = '+'
	case strings.Contains(flags, " "):
		sp.sign = ' '
	}
	if strings.Contains(flags, "0") && sp.align == '>' {
		sp.align, sp.fill = '=', '0'
	}
	return sp, rest[1:], nil
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

// braceForm is a format specification up to the conversion: fill and alignment, sign,
// width with a 0 before it, and precision.
var braceForm = regexp.MustCompile(`(?s)^(?:(.?)([<>^=]))?([-+ ]?)([0-9]*)(\.[0-9]*)?`)

// braceSpec reads a format specification: fill and alignment, sign, 0, width,
// precision, conversion.
func braceSpec(s string) (sp spec, err error) {
	form := braceForm.FindStringSubmatch(s)
	rest := s[len(form[0]):]
	if form[1] != "" {
		sp.fill, _ = utf8.DecodeRuneInString(form[1])
	}
	if form[2] != "" {
		sp.align = form[2][0]
	}
	if form[3] != "" && form[3] != "-" {
		sp.sign = form[3][0]
	}
	if strings.HasPrefix(form[4], "0") && sp.align == 0 {
		sp.fill, sp.align = '0', '='
	}
	if err := sp.size(form[4], form[5]); err != nil {
		return spec{}, err
	}
	switch {
	case form[5] == ".":
		return spec{}, errors.New("a precision has no digits")
	case rest == "":
		return sp, nil
	}
	if err := sp.convert(rest[0]); err != nil {
		return spec{}, err
	}
	if len(rest) > 1 {
		return spec{}, fmt.Errorf("%s is not part of a format specification", show(rest[1:]))
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
			name = plainName.FindString(after)
			s = after[len(name):]
		}
		if name == "" {
			return nil, errors.New("a $ must be followed by a name or another $")
		}
		p.attribute(name, spec{prec: -1})
	}
}

// plainName is a name without braces, or nothing.
var plainName = regexp.MustCompile(`^[a-zA-Z0-9_]*`)

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

package logging

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is how one attribute is shown: what %-8s, {levelname:<8} and their like
// have in common.
type spec struct {
	fill  rune // 0 is a blank
	align byte // '<', '>', '^', '=' (blanks after the sign), 0 by the value's kind
	sign  byte // '+' or ' ' before numbers that are not negative, else 0
	width int
	prec  int  // -1 is the verb's own
	verb  byte // s d f F e E g G, 0 by the value's kind
}

// maxWidth bounds a width and a precision: more can only be a slip.
const maxWidth = 1000

func (s spec) isNumeric() bool { return s.verb != 0 && s.verb != 's' }

// value is an attribute's value.
type value struct {
	kind kind
	s    string
	n    float64 // integers, too: they are small
}

func textValue(s string) value     { return value{kind: text, s: s} }
func integerValue(i int64) value   { return value{kind: integer, n: float64(i)} }
func decimalValue(f float64) value { return value{kind: decimal, n: f} }

// append appends v as s says.
func (s spec) append(buf []byte, v value) []byte {
	body := s.body(v)
	pad := s.width - utf8.RuneCountInString(body)
	if pad <= 0 {
		return append(buf, body...)
	}
	fill := s.fill
	if fill == 0 {
		fill = ' '
	}
	align := s.align
	if align == 0 {
		align = '>'
		if v.kind == text {
			align = '<'
		}
	}
	before, after := pad, 0
	switch align {
	case '<':
		before, after = 0, pad
	case '^':
		before, after = pad/2, pad-pad/2
	case '=':
		if v.kind != text && strings.IndexByte("+- ", body[0]) >= 0 {
			buf = append(buf, body[0])
			body = body[1:]
		}
	}
	for range before {
		buf = utf8.AppendRune(buf, fill)
	}
	buf = append(buf, body...)
	for range after {
		buf = utf8.AppendRune(buf, fill)
	}
	return buf
}

// body is v before it is padded.
func (s spec) body(v value) string {
	if v.kind == text {
		return s.cut(v.s)
	}
	prec := s.prec
	if prec < 0 {
		prec = 6 // Python's default for the verbs of floating point
	}
	var b string
	verb := s.verb
	if verb == 0 && v.kind == decimal && s.prec >= 0 {
		verb = 'g'
	}
	switch verb {
	case 'd':
		b = strconv.FormatInt(int64(v.n), 10)
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if verb == 'F' {
			verb = 'f'
		}
		b = strconv.FormatFloat(v.n, verb, prec, 64)
	default:
		if v.kind == integer {
			b = strconv.FormatInt(int64(v.n), 10)
			break
		}
		b = strconv.FormatFloat(v.n, 'f', -1, 64)
		if !strings.Contains(b, ".") {
			b += ".0" // as Python writes a float
		}
	}
	if s.sign != 0 && b[0] != '-' {
		b = string(s.sign) + b
	}
	if s.verb == 's' {
		return s.cut(b)
	}
	return b
}

// cut applies the precision of text: a greatest length in characters.
func (s spec) cut(t string) string {
	if s.prec < 0 || utf8.RuneCountInString(t) <= s.prec {
		return t
	}
	return string([]rune(t)[:s.prec])
}

// size sets width and precision, which begins with a dot unless it is missing; -1 stands
// for a number without digits.
func (s *spec) size(width, precision string) error {
	var err error
	if s.width, err = number(width); err == nil {
		s.prec, err = number(strings.TrimPrefix(precision, "."))
	}
	return err
}

func number(digits string) (int, error) {
	if digits == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > maxWidth {
		return 0, fmt.Errorf("a width or precision is over %d", maxWidth)
	}
	return n, nil
}

// convert sets the conversion. i is d, as in Python.
func (s *spec) convert(c byte) error {
	switch s.verb = c; c {
	case 's', 'd', 'f', 'F', 'e', 'E', 'g', 'G':
	case 'i':
		s.verb = 'd'
	default:
		return fmt.Errorf("conversion %q is not supported; allowed are s, d, i, f, F, e, E, g, G", string(rune(c)))
	}
	return nil
}

package engine

import (
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsontext"
)

// compileIn compiles IN: the context value, a text or an integer as its text, is
// one of a list's. The list is a JSON list, or a text: a JSON list when it begins
// with a bracket and is one, else separated by commas.
func compileIn(v domain.Value) (test, string) {
	var members []string
	switch v.Kind() {
	case jsontext.String:
		members = strings.Split(v.Text(), ",")
		if strings.HasPrefix(v.Text(), "[") && jsontext.Valid(v.Text()) == nil {
			members = listMembers(v.Text())
		}
	case jsontext.Array:
		members = listMembers(v.Text())
	default:
		return never(), opIn + " takes a list"
	}
	set := make(map[string]struct{}, len(members))
	for _, m := range members {
		set[m] = struct{}{}
	}
	return test{holds: func(v *value) bool {
		switch v.kind {
		case text:
			_, in := set[v.text]
			return in
		case integer:
			var digits [32]byte
			_, in := set[string(v.appendText(digits[:0]))]
			return in
		default:
			return false
		}
	}, values: inValues(set)}, ""
}

// inValues returns the values that IN can hold for, nil when they cannot be
// listed: the index does not tell integers beyond 64 bits apart.
func inValues(set map[string]struct{}) []value {
	values := make([]value, 0, 2*len(set))
	for m := range set {
		switch v := valueOfText(m); {
		case v.large != nil:
			return nil
		case v.kind == integer && strconv.FormatInt(v.integer, 10) == m:
			values = append(values, v)
		}
		values = append(values, value{kind: text, text: m})
	}
	return values
}

// listMembers returns the members of a JSON list as Python's str() shows them.
func listMembers(list string) []string {
	var members []string
	s := jsontext.New(list)
	s.EnterArray()
	for s.NextElement() {
		v := domain.ReadValue(&s)
		switch v.Kind() {
		case jsontext.String:
			members = append(members, v.Text())
		case jsontext.Array, jsontext.Object:
			members = append(members, pythonRepr(v.Text()))
		default:
			context := valueOf(v)
			members = append(members, context.str())
		}
	}
	return members
}

// pythonRepr returns Python's repr() of a JSON value.
func pythonRepr(raw string) string {
	s := jsontext.New(raw)
	return string(appendRepr(nil, &s))
}

func appendRepr(dst []byte, s *jsontext.Scanner) []byte {
	separator := ""
	switch s.Kind() {
	case jsontext.Array:
		dst = append(dst, '[')
		for s.EnterArray(); s.NextElement(); separator = ", " {
			dst = appendRepr(append(dst, separator...), s)
		}
		return append(dst, ']')
	case jsontext.Object:
		dst = append(dst, '{')
		s.EnterObject()
		for {
			key, ok := s.NextKey()
			if !ok {
				return append(dst, '}')
			}
			dst = append(appendQuoted(append(dst, separator...), key), ": "...)
			dst = appendRepr(dst, s)
			separator = ", "
		}
	case jsontext.String:
		return appendQuoted(dst, s.String())
	default:
		v := valueOf(domain.ReadValue(s))
		return v.appendText(dst)
	}
}

// appendQuoted appends Python's repr() of a text: in single quotes, or in double
// ones when only single ones are in it.
func appendQuoted(dst []byte, text string) []byte {
	quote := byte('\'')
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	for _, r := range text {
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, `\x`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, quote)
}

package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
)

// compileIn compiles IN: the context value, a text or an integer as its text, is
// one of a list's. The list is a JSON list, or a text: a JSON list when it begins
// with a bracket and is one, else separated by commas.
func compileIn(v domain.Value) (test, string) {
	var members []string
	switch v.Kind() {
	case jsonscan.String:
		members = strings.Split(v.Text(), ",")
		if strings.HasPrefix(v.Text(), "[") && jsonscan.Valid(v.Text()) == nil {
			members = listMembers(v.Text())
		}
	case jsonscan.Array:
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
	s := jsonscan.New(list)
	s.EnterArray()
	for s.NextElement() {
		v := domain.ReadValue(&s)
		switch v.Kind() {
		case jsonscan.String:
			members = append(members, v.Text())
		case jsonscan.Array, jsonscan.Object:
			members = append(members, string(appendRepr(nil, plain(v))))
		default:
			context := valueOf(v)
			members = append(members, context.str())
		}
	}
	return members
}

// appendRepr appends Python's repr() of a JSON value.
func appendRepr(dst []byte, v any) []byte {
	separator := ""
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		for _, element := range v {
			dst = appendRepr(append(dst, separator...), element)
			separator = ", "
		}
		return append(dst, ']')
	case *jsonpath.Object:
		dst = append(dst, '{')
		for name, member := range v.All() {
			dst = append(appendQuoted(append(dst, separator...), name), ": "...)
			dst = appendRepr(dst, member)
			separator = ", "
		}
		return append(dst, '}')
	case string:
		return appendQuoted(dst, v)
	default:
		primitive := valueOfPlain(v)
		return primitive.appendText(dst)
	}
}

// appendQuoted appends Python's repr() of a text: in single quotes, or in double
// ones when only single ones are in it, with escapes for what is not printable.
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
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		case r <= 0xff:
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case r <= 0xffff:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
	}
	return append(dst, quote)
}

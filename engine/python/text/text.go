// Package text has Python's str() and repr() of JSON values, and what Python takes
// for a blank. Flagsmith's segments and hashes rest on these texts.
package text

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
	"github.com/edge-proxy/edge-proxy/engine/python/number"
)

// IsBlank reports whether text is empty once Python's str.strip has removed the
// blanks at its ends.
func IsBlank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && (r < 0x1C || r > 0x1F) })
}

// AppendStr appends Python's str() of a value, which has one of the types of a
// [jsonpath.Object]'s members.
func AppendStr(dst []byte, v any) []byte {
	if v, isText := v.(string); isText {
		return append(dst, v...)
	}
	return AppendRepr(dst, v)
}

// AppendRepr appends Python's repr() of a value of the same types.
func AppendRepr(dst []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case *big.Int:
		return v.Append(dst, 10)
	case float64:
		return append(dst, number.FormatFloat(v)...)
	case string:
		return appendQuoted(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			dst = AppendRepr(appendComma(dst, i), element)
		}
		return append(dst, ']')
	case *jsonpath.Object:
		dst = append(dst, '{')
		i := 0
		for name, member := range v.All() {
			dst = append(appendQuoted(appendComma(dst, i), name), ": "...)
			dst = AppendRepr(dst, member)
			i++
		}
		return append(dst, '}')
	default:
		return append(dst, "None"...)
	}
}

func appendComma(dst []byte, element int) []byte {
	if element == 0 {
		return dst
	}
	return append(dst, ", "...)
}

// appendQuoted appends text in single quotes, or in double quotes when it holds
// single ones only, with escapes for what is not printable.
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

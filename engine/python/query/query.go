// Package query reads the query of a URL as Python's urllib does, which the Python
// proxy uses: & alone separates parameters, + is a space, an invalid escape stays
// as it is, and bytes that are not valid UTF-8 become U+FFFD.
package query

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// All returns the parameters of a raw query with their values, in order. A form in the
// body of a request has the same notation.
func All(query string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for item := range strings.SplitSeq(query, "&") {
			if name, value, _ := strings.Cut(item, "="); item != "" && !yield(unescape(name), unescape(value)) {
				return
			}
		}
	}
}

// Value returns the last value of a parameter of a raw query. ok is false when the
// query has no such parameter.
func Value(query, name string) (value string, ok bool) {
	for query != "" {
		var item string
		item, query, _ = strings.Cut(query, "&")
		if key, escaped, _ := strings.Cut(item, "="); item != "" && (key == name || unescape(key) == name) {
			value, ok = escaped, true
		}
	}
	return unescape(value), ok
}

// unescape decodes one name or value of a query.
func unescape(text string) string {
	if strings.IndexByte(text, '%') >= 0 || strings.IndexByte(text, '+') >= 0 {
		decoded := make([]byte, 0, len(text))
		for i := 0; i < len(text); i++ {
			c := text[i]
			switch {
			case c == '+':
				c = ' '
			case c == '%' && i+2 < len(text):
				if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
					c = byte(n)
					i += 2
				}
			}
			decoded = append(decoded, c)
		}
		text = string(decoded)
	}
	if utf8.ValidString(text) {
		return text
	}
	return replaceInvalid(text)
}

// replaceInvalid writes one U+FFFD for each character that breaks off, and for each
// byte that cannot begin a character.
func replaceInvalid(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(text[i:])
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

// brokenLength returns the length of the longest beginning of text that could
// have become a character (Unicode, table 3-7), at least 1.
func brokenLength(text string) int {
	need, low, high := 1, byte(0x80), byte(0xBF)
	switch c := text[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 2
	case c >= 0xE0 && c <= 0xEF:
		need = 3
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 4
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n < need && n < len(text) && text[n] >= low && text[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}

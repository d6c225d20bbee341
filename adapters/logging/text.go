package logging

import (
	"strconv"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// appendPrintable appends s so that it stays on its line and cannot steer a
// terminal: what is not printable and what is not UTF-8 becomes a Go escape.
// With inQuotes, quotes and backslashes are escaped too.
func appendPrintable(buf []byte, s string, inQuotes bool) []byte {
	start := 0 // s[start:i] is printable and not yet appended
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != 0x7f && !(inQuotes && (c == '"' || c == '\\')) {
				i++
				continue
			}
			buf = append(buf, s[start:i]...)
			if c == '"' {
				buf = append(buf, '\\', '"')
			} else {
				buf = appendEscapedRune(buf, rune(c))
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			buf = append(buf, s[start:i]...)
			buf = append(buf, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			start = i + 1
		case !strconv.IsPrint(r):
			buf = append(buf, s[start:i]...)
			buf = appendEscapedRune(buf, r)
			start = i + size
		}
		i += size
	}
	return append(buf, s[start:]...)
}

const hexDigits = "0123456789abcdef"

func appendEscapedRune(buf []byte, r rune) []byte {
	var scratch [16]byte
	quoted := strconv.AppendQuoteRune(scratch[:0], r)
	return append(buf, quoted[1:len(quoted)-1]...)
}

// appendToken appends s as it is when it reads as one word, else quoted.
func appendToken(buf []byte, s string) []byte {
	if s == "" {
		return append(buf, `""`...)
	}
	for _, r := range s {
		if r == ' ' || r == '=' || r == '"' || r == '\\' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.AppendQuote(buf, s)
		}
	}
	return append(buf, s...)
}

// appendJSONString appends s as a JSON string that stays on its line and cannot
// steer a terminal.
func appendJSONString(buf []byte, s string) []byte {
	return append(jsonscan.AppendPrintable(append(buf, '"'), s), '"')
}

// appendJSON appends text that is JSON already, and escapes in its strings what
// encoding/json leaves as it is and a terminal would obey.
func appendJSON(buf []byte, text string) []byte {
	for _, r := range text {
		if r < 0x7f {
			buf = append(buf, byte(r))
		} else {
			buf = jsonscan.AppendPrintable(buf, string(r))
		}
	}
	return buf
}

package logging

import (
	"strconv"
	"unicode/utf8"
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

// appendJSONString appends s as a JSON string. Invalid UTF-8 becomes the
// replacement character; line separators and the control characters that
// terminals obey are escaped even where JSON would allow them.
func appendJSONString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	buf = appendJSONText(buf, s)
	return append(buf, '"')
}

// appendJSONText is appendJSONString without the quotes around.
func appendJSONText(buf []byte, s string) []byte {
	start := 0 // s[start:i] needs no escape and is not yet appended
	for i := 0; i < len(s); {
		c := s[i]
		if plainJSON[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			buf = append(buf, s[start:i]...)
			switch c {
			case '"', '\\':
				buf = append(buf, '\\', c)
			case '\n':
				buf = append(buf, '\\', 'n')
			case '\r':
				buf = append(buf, '\\', 'r')
			case '\t':
				buf = append(buf, '\\', 't')
			default:
				buf = append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			buf = append(buf, s[start:i]...)
			buf = append(buf, `\ufffd`...)
			start = i + size
		case steersTerminals(r):
			buf = append(buf, s[start:i]...)
			buf = appendUnicodeEscape(buf, r)
			start = i + size
		}
		i += size
	}
	return append(buf, s[start:]...)
}

// plainJSON has the bytes that are characters of their own and need no escape. To
// look a byte up takes less than to compare it.
var plainJSON = func() (plain [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// appendJSON appends text that is JSON already, with the characters escaped
// that encoding/json leaves as they are. They can be in its strings only.
func appendJSON(buf []byte, text string) []byte {
	for _, r := range text {
		if steersTerminals(r) {
			buf = appendUnicodeEscape(buf, r)
		} else {
			buf = utf8.AppendRune(buf, r)
		}
	}
	return buf
}

// steersTerminals tells of the characters beyond ASCII's control characters
// that terminals obey or take for the end of a line.
func steersTerminals(r rune) bool {
	return r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

func appendUnicodeEscape(buf []byte, r rune) []byte {
	return append(buf, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

package jsonscan

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// plain has the ASCII characters that never need an escape. Looking a byte up is
// faster than comparing it.
var plain = func() (plain [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// AppendString appends v as a JSON string in UTF-8 and returns the longer
// slice. It escapes quotes, backslashes and control characters only; invalid
// UTF-8 becomes U+FFFD.
func AppendString(dst []byte, v string) []byte {
	return append(appendText(append(dst, '"'), v, false), '"')
}

// AppendPrintable appends v as the part of a JSON string between its quotes. It also
// escapes what JSON allows but what a terminal obeys or takes for the end of a line,
// so that a line of a log stays one line.
func AppendPrintable(dst []byte, v string) []byte { return appendText(dst, v, true) }

func appendText(dst []byte, v string, printable bool) []byte {
	start := 0 // v[start:i] needs no escape and is not yet appended
	for i := 0; i < len(v); {
		c := v[i]
		if plain[c] {
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(v[i:])
		}
		invalid := r == utf8.RuneError && size == 1
		if c >= 0x7f && !invalid && (!printable || !steersTerminals(r)) {
			i += size
			continue
		}
		dst = appendEscape(append(dst, v[start:i]...), r)
		i += size
		start = i
	}
	return append(dst, v[start:]...)
}

// steersTerminals reports whether terminals obey r, a character beyond the ASCII
// control characters, or take it for the end of a line.
func steersTerminals(r rune) bool {
	return r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case utf8.RuneError:
		return append(dst, "\uFFFD"...)
	default:
		return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
}

// AppendCompact appends the JSON value raw, which must be valid, without white
// space between its tokens and with its strings as AppendString writes them.
func AppendCompact(dst []byte, raw string) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			s := Scanner{text: raw, pos: i}
			dst = AppendString(dst, s.String())
			if s.err != nil { // raw is not valid: end instead of looping
				return dst
			}
			i = s.pos
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

package jsonscan

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendString appends v as a JSON string in UTF-8 and returns the longer
// slice. Only quotes, backslashes and control characters are escaped; invalid
// UTF-8 becomes U+FFFD.
func AppendString(dst []byte, v string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(v[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, v[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, v[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, v[start:]...)
	return append(dst, '"')
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
			if s.err != nil { // not valid, against the contract; end rather than loop
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

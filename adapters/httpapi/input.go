package httpapi

import (
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// maxInput is how many bytes of what a client sent an error repeats.
const maxInput = 1 << 10

// cut returns text or, when it takes more than maxInput bytes as a JSON string, its
// beginning and an ellipsis.
func cut(text string) string {
	const escaped = 6 // bytes that a byte of text can take
	if len(text) <= maxInput/escaped {
		return text
	}
	for most := maxInput - len(`"…"`); ; most /= 2 {
		short := beginning(text, most)
		if len(short) < len(text) {
			short += "…"
		}
		if len(jsonscan.AppendString(nil, short)) <= maxInput {
			return short
		}
	}
}

// beginning returns the first characters of text, of at most most bytes.
func beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// appendInput appends an invalid value, which is JSON. In place of a long one it appends
// a string with the beginning of the value.
func appendInput(dst []byte, input string) []byte {
	switch {
	case len(input) <= maxInput:
		return jsonscan.AppendCompact(dst, input)
	case input[0] == '"':
		d := jsonscan.New(input[:wholeCharacters(input)] + `"`)
		return jsonscan.AppendString(dst, cut(d.String()+"…"))
	default:
		return jsonscan.AppendString(dst, cut(input))
	}
}

// wholeCharacters returns the length of the beginning of a JSON string, longer than
// maxInput, that cuts no character and no escape in two.
func wholeCharacters(input string) (end int) {
	for next := 1; next <= maxInput; {
		end = next
		_, size := utf8.DecodeRuneInString(input[end:])
		next += size
		if input[end] == '\\' {
			next++
			if input[end+1] == 'u' {
				next += 4
			}
			if isHighSurrogate(input[end:]) {
				next += 6 // the second half
			}
		}
	}
	return end
}

// isHighSurrogate reports whether text begins with the first half of a character that
// is written as two escapes.
func isHighSurrogate(text string) bool {
	return text[1] == 'u' && text[2]|0x20 == 'd' && (text[3] == '8' || text[3] == '9' || text[3]|0x20 == 'a' || text[3]|0x20 == 'b')
}

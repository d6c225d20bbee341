package logging

import "bytes"

const (
	keyPrefix = "ser."
	keyShown  = 4
	// keyLikely is the length from which characters after a "ser." in the middle
	// of a word ("user.", "parser.") are taken for a key glued to that word:
	// shorter than any key Flagsmith makes, longer than most names.
	keyLikely = 16
)

// redact masks every server-side key in a finished line, in place, leaving
// "ser." and the last four characters, fewer of a short key. It works on the
// whole line, so that no value, attribute name or nested text escapes it, and
// removes key characters only, so that quoting and JSON stay intact. At most
// four characters after the prefix are a key that was masked before, and stay.
func redact(line []byte) []byte {
	next := bytes.Index(line, []byte(keyPrefix))
	if next < 0 {
		return line
	}
	out := line[:0]
	rest := 0 // line[rest:] is not yet in out
	for at := next; ; {
		start := at + len(keyPrefix)
		end := start + keyLength(line[start:], !insideWord(line, at))
		if end-start > keyShown && (!insideWord(line, at) || end-start >= keyLikely) {
			out = append(out, line[rest:start]...)
			// At least as many characters are hidden as are shown.
			rest = end - min(keyShown, (end-start)/2)
			start = end
		}
		step := bytes.Index(line[start:], []byte(keyPrefix))
		if step < 0 {
			return append(out, line[rest:]...)
		}
		at = start + step
	}
}

// keyLength counts the key characters s begins with; dots between them are
// part of the key when dotted is set.
func keyLength(s []byte, dotted bool) int {
	n := 0
	for n < len(s) {
		switch {
		case isKeyByte(s[n]):
		case dotted && s[n] == '.' && n+1 < len(s) && isKeyByte(s[n+1]):
		default:
			return n
		}
		n++
	}
	return n
}

// insideWord tells whether line[at:] continues a word. The letters of an
// escape (\n, %3D) are not a word.
func insideWord(line []byte, at int) bool {
	if at == 0 || !isKeyByte(line[at-1]) {
		return false
	}
	escaped := at >= 2 && line[at-2] == '\\' || at >= 3 && line[at-3] == '%'
	return !escaped
}

func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

package regex

import "strings"

// flags are Python's inline flags in force at one place of a pattern.
type flags uint8

const (
	ignoreCase flags = 1 << iota
	multiLine
	dotAll
	verbose
	asciiOnly
	unicodeMode // the default; written only to undo asciiOnly
	template    // undocumented in Python: forbids quantifiers
)

const flagLetters = "imsxautL"

func flagOf(letter rune) flags {
	switch letter {
	case 'i':
		return ignoreCase
	case 'm':
		return multiLine
	case 's':
		return dotAll
	case 'x':
		return verbose
	case 'a':
		return asciiOnly
	case 'u':
		return unicodeMode
	default:
		return template
	}
}

// with gives the flags inside a scoped group such as (?i-s:…).
func (f flags) with(add, remove flags) flags {
	if add&(asciiOnly|unicodeMode) != 0 {
		f &^= asciiOnly | unicodeMode
	}
	return (f | add) &^ remove
}

func (f flags) folding() folding {
	switch {
	case f&ignoreCase == 0:
		return foldNone
	case f&asciiOnly != 0:
		return foldASCII
	default:
		return foldUnicode
	}
}

// parseFlags reads the flags after "(?", whose first character has been read. global is true for
// the form (?i), which sets flags for the whole pattern and ends with the parenthesis; otherwise
// the scoped group's body follows.
func (p *parser) parseFlags(first token) (add, remove flags, global bool, err error) {
	t := first
	for !t.is('-') {
		if t.is('L') {
			return 0, 0, false, p.fail("bad inline flags: cannot use 'L' flag with a str pattern")
		}
		add |= flagOf(t.char)
		if add&asciiOnly != 0 && add&unicodeMode != 0 {
			return 0, 0, false, p.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible")
		}
		if t = p.next(); t.is(')') {
			return add, 0, true, nil
		}
		if t.is(':') {
			break
		}
		if !t.is('-') && !isFlag(t) {
			return 0, 0, false, p.fail("unknown flag, or missing -, : or )")
		}
	}
	if add&template != 0 {
		return 0, 0, false, p.fail("bad inline flags: cannot turn on global flag")
	}
	if t.is('-') {
		for t = p.next(); !t.is(':') || remove == 0; t = p.next() {
			if !isFlag(t) {
				return 0, 0, false, p.fail("missing or unknown flag, or missing :")
			}
			if strings.ContainsRune("auL", t.char) {
				return 0, 0, false, p.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
			}
			remove |= flagOf(t.char)
		}
	}
	if remove&template != 0 {
		return 0, 0, false, p.fail("bad inline flags: cannot turn off global flag")
	}
	if add&remove != 0 {
		return 0, 0, false, p.fail("bad inline flags: flag turned on and off")
	}
	return add, remove, false, nil
}

func isFlag(t token) bool {
	return !t.escaped && t.char >= 0 && strings.ContainsRune(flagLetters, t.char)
}

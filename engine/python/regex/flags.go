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

// flagLetters are the letters of the flags in their order, and L, which str patterns cannot have.
const flagLetters = "imsxautL"

func flagOf(letter rune) flags { return 1 << strings.IndexRune(flagLetters, letter) }

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

// position returns an assertion of a kind that depends on a flag.
func (f flags) position(flag flags, with, without positionKind) node {
	if f&flag != 0 {
		return position{kind: with}
	}
	return position{kind: without}
}

// parseFlags reads the flags after "(?", whose first character has been read. global is true for
// the form (?i), which sets flags for the whole pattern and ends with the parenthesis; otherwise
// the scoped group's body follows.
func (p *parser) parseFlags(first token) (add, remove flags, global bool) {
	t := first
	for !t.is('-') {
		if t.is('L') {
			panic(p.fail("bad inline flags: cannot use 'L' flag with a str pattern"))
		}
		add |= flagOf(t.char)
		if add&asciiOnly != 0 && add&unicodeMode != 0 {
			panic(p.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible"))
		}
		if t = p.next(); t.is(')') {
			return add, 0, true
		}
		if t.is(':') {
			break
		}
		if !t.is('-') && !isFlag(t) {
			panic(p.fail("unknown flag, or missing -, : or )"))
		}
	}
	if add&template != 0 {
		panic(p.fail("bad inline flags: cannot turn on global flag"))
	}
	if t.is('-') {
		for t = p.next(); !t.is(':') || remove == 0; t = p.next() {
			if !isFlag(t) {
				panic(p.fail("missing or unknown flag, or missing :"))
			}
			if strings.ContainsRune("auL", t.char) {
				panic(p.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'"))
			}
			remove |= flagOf(t.char)
		}
	}
	if remove&template != 0 {
		panic(p.fail("bad inline flags: cannot turn off global flag"))
	}
	if add&remove != 0 {
		panic(p.fail("bad inline flags: flag turned on and off"))
	}
	return add, remove, false
}

func isFlag(t token) bool {
	return !t.escaped && t.char >= 0 && strings.ContainsRune(flagLetters, t.char)
}

package regex

import (
	"fmt"
	"strings"
)

// token is one character of a pattern, or a backslash together with the character after it.
type token struct {
	char    rune // endOfPattern at the end
	escaped bool
}

const endOfPattern = -1

func (t token) is(char rune) bool { return t.char == char && !t.escaped }
func (t token) end() bool         { return t.char == endOfPattern }

func (t token) in(chars string) bool {
	return !t.escaped && t.char >= 0 && strings.ContainsRune(chars, t.char)
}

// scanner cuts a pattern into tokens.
type scanner struct {
	src []rune
	pos int
}

// newScanner checks the one error that concerns cutting: a backslash with nothing after it.
func newScanner(pattern string) scanner {
	s := scanner{src: []rune(pattern)}
	for i := 0; i < len(s.src); i++ {
		if s.src[i] != '\\' {
			continue
		}
		if i++; i == len(s.src) {
			panic(failAt("bad escape (end of pattern)", i-1))
		}
	}
	return s
}

func (s *scanner) peek() token {
	switch {
	case s.pos == len(s.src):
		return token{char: endOfPattern}
	case s.src[s.pos] == '\\':
		return token{char: s.src[s.pos+1], escaped: true}
	default:
		return token{char: s.src[s.pos]}
	}
}

func (s *scanner) next() token {
	t := s.peek()
	switch {
	case t.end():
	case t.escaped:
		s.pos += 2
	default:
		s.pos++
	}
	return t
}

// accept skips the next token if it is char.
func (s *scanner) accept(char rune) bool {
	if !s.peek().is(char) {
		return false
	}
	s.pos++
	return true
}

// take reads at most n characters out of chars.
func (s *scanner) take(n int, chars string) string {
	start := s.pos
	for s.pos-start < n && s.peek().in(chars) {
		s.pos++
	}
	return string(s.src[start:s.pos])
}

// until reads a name up to its terminator, which is skipped.
func (s *scanner) until(terminator rune, what string) string {
	start := s.pos
	for {
		end := s.pos
		t := s.next()
		switch {
		case t.end():
			panic(failAt(fmt.Sprintf("missing %s or %c", what, terminator), start))
		case t.is(terminator) && end == start:
			panic(failAt("missing "+what, start))
		case t.is(terminator):
			return string(s.src[start:end])
		}
	}
}

// syntaxError is an error in a pattern. Scanner and parser panic with it, and parse returns it.
type syntaxError struct{ error }

// fail is a syntax error where the scanner stands.
func (s *scanner) fail(cause string) syntaxError { return failAt(cause, s.pos) }

func failAt(cause string, pos int) syntaxError {
	return syntaxError{fmt.Errorf("%w: %s at position %d", ErrSyntax, cause, pos)}
}

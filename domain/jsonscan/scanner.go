// Package jsonscan reads and writes JSON text without building trees.
//
// A Scanner walks through one JSON text. Strings without escapes, numbers and raw values
// are substrings of the text, so that reading allocates next to nothing. It accepts
// RFC 8259 and nothing else. The proxy reads environment documents and request bodies
// with it: the former can be tens of megabytes, the latter are read for every answer.
package jsonscan

import (
	"errors"
	"fmt"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deeply arrays and objects may be nested.
const maxDepth = 1000

// ErrSyntax is wrapped by every error of a Scanner.
var ErrSyntax = errors.New("invalid JSON")

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of values. A Scanner reports Invalid where no value begins.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Scanner reads one JSON text from front to back. After its first error every call does
// nothing and reports that nothing follows, so that callers may check Err once after a
// loop. The zero value reads the empty text; use New.
//
// A Scanner is not safe for concurrent use.
type Scanner struct {
	text  string
	pos   int
	depth int
	first bool // nothing of the container entered last has been read yet
	err   error
}

// New returns a Scanner at the start of text. What it returns may be substrings of text
// and keep all of it in memory.
func New(text string) Scanner { return Scanner{text: text} }

// Err returns the first error, which wraps ErrSyntax, or nil.
func (s *Scanner) Err() error { return s.err }

// Offset returns the position of the next unread byte.
func (s *Scanner) Offset() int { return s.pos }

// Kind returns the kind of the value that begins at the current position. It does not
// read the value.
func (s *Scanner) Kind() Kind {
	s.space()
	if s.err != nil || s.pos >= len(s.text) {
		return Invalid
	}
	switch c := s.text[s.pos]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || c-'0' < 10 {
			return Number
		}
		return Invalid
	}
}

// EnterObject reads the opening brace of an object; NextKey reads its members. Keys is
// both.
func (s *Scanner) EnterObject() bool { return s.enter('{', "an object") }

// EnterArray reads the opening bracket of an array; NextElement finds its elements.
func (s *Scanner) EnterArray() bool { return s.enter('[', "an array") }

func (s *Scanner) enter(open byte, what string) bool {
	s.space()
	if s.err != nil {
		return false
	}
	if s.pos >= len(s.text) || s.text[s.pos] != open {
		s.fail("expected " + what)
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.fail("nested too deeply")
		return false
	}
	s.pos++
	s.first = true
	return true
}

// NextKey returns the next key of the object entered last and leaves the
// Scanner at its value, which must be read or skipped before the next call. After the
// last key it reads the closing brace and reports false. It also reports false on an
// error.
func (s *Scanner) NextKey() (string, bool) {
	if !s.next('}') {
		return "", false
	}
	key := s.String()
	s.space()
	if s.err == nil {
		if s.pos < len(s.text) && s.text[s.pos] == ':' {
			s.pos++
		} else {
			s.fail("expected a colon")
		}
	}
	return key, s.err == nil
}

// Keys reads an object and returns its keys, each as NextKey does.
func (s *Scanner) Keys() iter.Seq[string] {
	return func(yield func(key string) bool) {
		s.EnterObject()
		for key, ok := s.NextKey(); ok && yield(key); key, ok = s.NextKey() {
		}
	}
}

// NextElement reports whether the array entered last has another element, which must be
// read or skipped before the next call. After the last one it reads the closing
// bracket.
func (s *Scanner) NextElement() bool { return s.next(']') }

func (s *Scanner) next(closing byte) bool {
	s.space()
	if s.err != nil {
		return false
	}
	if s.pos >= len(s.text) {
		s.fail("unexpected end")
		return false
	}
	switch c := s.text[s.pos]; {
	case c == closing:
		s.pos++
		s.depth--
		s.first = false
		return false
	case s.first:
		s.first = false
		return true
	case c == ',':
		s.pos++
		return true
	default:
		s.fail("expected a comma")
		return false
	}
}

// String reads a string value and returns it decoded. Escaped surrogates without
// a partner become U+FFFD.
func (s *Scanner) String() string {
	s.space()
	if s.err != nil {
		return ""
	}
	if s.pos >= len(s.text) || s.text[s.pos] != '"' {
		s.fail("expected a string")
		return ""
	}
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			if !ascii && !utf8.ValidString(s.text[start:i]) {
				s.fail("invalid UTF-8")
				return ""
			}
			return s.text[start:i]
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			s.pos = i
			s.fail("control character in a string")
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.text)
	s.fail("unexpected end in a string")
	return ""
}

// escaped reads the rest of a string whose first backslash is at i.
func (s *Scanner) escaped(start, i int) string {
	b := make([]byte, 0, i-start+32)
	for {
		b = append(b, s.text[start:i]...)
		for ; i < len(s.text) && s.text[i] == '\\'; i = s.pos {
			s.pos = i
			b = s.escape(b)
			if s.err != nil {
				return ""
			}
		}
		start = i
		for i < len(s.text) && s.text[i] != '"' && s.text[i] != '\\' && s.text[i] >= ' ' {
			i++
		}
		s.pos = i
		switch {
		case i >= len(s.text):
			s.fail("unexpected end in a string")
			return ""
		case s.text[i] < ' ':
			s.fail("control character in a string")
			return ""
		case s.text[i] == '"':
			b = append(b, s.text[start:i]...)
			s.pos = i + 1
			if !utf8.Valid(b) {
				s.fail("invalid UTF-8")
				return ""
			}
			return string(b)
		}
	}
}

// escape decodes the escape sequence at the current position.
func (s *Scanner) escape(b []byte) []byte {
	if s.pos+1 >= len(s.text) {
		s.fail("unexpected end in a string")
		return b
	}
	c := s.text[s.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := s.hex4(s.pos + 2)
		if !ok {
			s.fail("invalid escape in a string")
			return b
		}
		s.pos += 6
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if s.pos+1 < len(s.text) && s.text[s.pos] == '\\' && s.text[s.pos+1] == 'u' {
				low, ok = s.hex4(s.pos + 2)
			}
			pair := utf16.DecodeRune(r, low)
			if ok && pair != utf8.RuneError {
				s.pos += 6
			}
			r = pair
		}
		return utf8.AppendRune(b, r)
	default:
		s.fail("invalid escape in a string")
		return b
	}
	s.pos += 2
	return append(b, c)
}

func (s *Scanner) hex4(at int) (rune, bool) {
	if at+4 > len(s.text) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s.text[at : at+4]) {
		switch {
		case c-'0' < 10:
			c -= '0'
		case c-'a' < 6:
			c -= 'a' - 10
		case c-'A' < 6:
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Number reads a number and returns its text.
func (s *Scanner) Number() string {
	s.space()
	if s.err != nil {
		return ""
	}
	start, i := s.pos, s.pos
	if i < len(s.text) && s.text[i] == '-' {
		i++
	}
	whole := i
	i = s.digits(i)
	ok := i > whole && (s.text[whole] != '0' || i == whole+1)
	if ok && i < len(s.text) && s.text[i] == '.' {
		fraction := i + 1
		i = s.digits(fraction)
		ok = i > fraction
	}
	if ok && i < len(s.text) && s.text[i]|0x20 == 'e' {
		i++
		if i < len(s.text) && (s.text[i] == '+' || s.text[i] == '-') {
			i++
		}
		exponent := i
		i = s.digits(i)
		ok = i > exponent
	}
	if !ok {
		s.fail("invalid number")
		return ""
	}
	s.pos = i
	return s.text[start:i]
}

func (s *Scanner) digits(i int) int {
	for i < len(s.text) && s.text[i]-'0' < 10 {
		i++
	}
	return i
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	s.space()
	if s.literal("true") {
		return true
	}
	if !s.literal("false") {
		s.fail("expected true or false")
	}
	return false
}

// Null reads null.
func (s *Scanner) Null() {
	s.space()
	if !s.literal("null") {
		s.fail("expected null")
	}
}

func (s *Scanner) literal(word string) bool {
	if s.err != nil || len(s.text)-s.pos < len(word) || s.text[s.pos:s.pos+len(word)] != word {
		return false
	}
	s.pos += len(word)
	return true
}

// Raw reads one value of any kind and returns its text unchanged.
func (s *Scanner) Raw() string {
	s.space()
	start := s.pos
	s.Skip()
	if s.err != nil {
		return ""
	}
	return s.text[start:s.pos]
}

// Skip reads one value of any kind and checks its syntax.
func (s *Scanner) Skip() {
	switch s.Kind() {
	case Object:
		for range s.Keys() {
			s.Skip()
		}
	case Array:
		s.EnterArray()
		for s.NextElement() {
			s.Skip()
		}
	case String:
		_ = s.String()
	case Number:
		s.Number()
	case Bool:
		s.Bool()
	case Null:
		s.Null()
	default:
		s.fail("expected a value")
	}
}

// End checks that only white space is left and returns Err.
func (s *Scanner) End() error {
	s.space()
	if s.err == nil && s.pos < len(s.text) {
		s.fail("unexpected text after the value")
	}
	return s.err
}

func (s *Scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *Scanner) fail(what string) {
	if s.err == nil {
		if s.pos >= len(s.text) {
			what += ", the text is cut off"
		}
		s.err = &SyntaxError{What: what, Offset: s.pos}
	}
}

// SyntaxError says what is wrong with a text and at which byte.
type SyntaxError struct {
	What   string
	Offset int
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d", ErrSyntax, e.What, e.Offset)
}

// Unwrap returns ErrSyntax.
func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// Valid returns nil if text is one JSON value, and otherwise an error that wraps
// ErrSyntax.
func Valid(text string) error {
	s := New(text)
	s.Skip()
	return s.End()
}

// Package link reads Link header fields (RFC 8288).
package link

import (
	"errors"
	"strings"
)

// ErrSyntax: the header cannot be read.
var ErrSyntax = errors.New("the Link header cannot be read")

// Next returns the target of the first link with the relation "next" in the
// values of a message's Link fields, as it is written: often relative. Links
// with an anchor are about something else than the message and do not count.
//
// It reads what RFC 8288 allows and somewhat more, such as unquoted values of
// any characters and empty elements. On what it cannot read at all it returns
// ErrSyntax rather than guess: a link overlooked is a page lost.
func Next(fields []string) (target string, found bool, err error) {
	for _, field := range fields {
		r := reader{text: field}
		for r.another() {
			l, ok := r.link()
			if !ok {
				return "", false, ErrSyntax
			}
			if l.isNext && !l.hasAnchor && !found {
				target, found = l.target, true
			}
		}
	}
	return target, found, nil
}

type link struct {
	target    string
	isNext    bool
	hasAnchor bool
}

type reader struct {
	text string
	pos  int
}

// another goes to the next link, over commas and empty elements.
func (r *reader) another() bool {
	for r.space(); r.take(','); r.space() {
	}
	return r.pos < len(r.text)
}

// link reads a link with its parameters, up to a comma or the end.
func (r *reader) link() (l link, ok bool) {
	if !r.take('<') {
		return l, false
	}
	length := strings.IndexByte(r.text[r.pos:], '>')
	if length < 0 {
		return l, false
	}
	l.target = strings.TrimSpace(r.text[r.pos : r.pos+length])
	r.pos += length + 1

	hasRelation := false
	for {
		r.space()
		if r.pos == len(r.text) || r.text[r.pos] == ',' {
			return l, true
		}
		if !r.take(';') {
			return l, false
		}
		r.space()
		name := r.until("=;,")
		value := ""
		if r.take('=') {
			r.space()
			if value, ok = r.value(); !ok {
				return l, false
			}
		}
		switch strings.ToLower(name) {
		case "rel":
			// Of several, the first counts.
			l.isNext = l.isNext || !hasRelation && hasWord(value, "next")
			hasRelation = true
		case "anchor":
			l.hasAnchor = true
		}
	}
}

// value reads the value of a parameter, quoted or not.
func (r *reader) value() (string, bool) {
	if !r.take('"') {
		return r.until(";,"), true
	}
	var b strings.Builder
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; c {
		case '"':
			r.pos++
			return b.String(), true
		case '\\':
			if r.pos++; r.pos == len(r.text) {
				return "", false
			}
			b.WriteByte(r.text[r.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// until reads up to one of the characters, or the end, without white space
// around.
func (r *reader) until(stop string) string {
	start := r.pos
	if i := strings.IndexAny(r.text[start:], stop); i >= 0 {
		r.pos += i
	} else {
		r.pos = len(r.text)
	}
	return strings.Trim(r.text[start:r.pos], " \t")
}

func (r *reader) space() {
	for r.pos < len(r.text) && (r.text[r.pos] == ' ' || r.text[r.pos] == '\t') {
		r.pos++
	}
}

func (r *reader) take(c byte) bool {
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// Package pages puts the pages of an environment document together. Each page
// repeats the document with other identity overrides; the merged document is the
// first page, byte for byte, with the overrides of the others behind its own.
package pages

import (
	"errors"
	"fmt"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// ErrChanged: upstream has changed the document while its pages were read. The
// next fetch gets it whole.
var ErrChanged = errors.New("the document changed while its pages were read")

// Merger collects the pages of one document.
type Merger struct {
	first []byte
	place layout
	more  []byte // the elements of further pages, separated by commas
}

// Begin returns a Merger with the first page, which it keeps. The page must be a
// JSON object whose identity_overrides, if any, are a list; otherwise the error
// says so.
func Begin(first []byte) (*Merger, error) {
	place, err := survey(string(first))
	if err != nil {
		return nil, err
	}
	return &Merger{first: first, place: place}, nil
}

// Add adds the identity overrides of the next page, of which it keeps nothing.
// Errors: Begin's, and ErrChanged when the page's updated_at is not the first
// page's.
func (m *Merger) Add(page []byte) error {
	p, err := survey(string(page))
	if err != nil {
		return err
	}
	if p.updatedAt != m.place.updatedAt {
		return ErrChanged
	}
	if p.elements == "" {
		return nil
	}
	if len(m.more) > 0 {
		m.more = append(m.more, ',')
	}
	m.more = append(m.more, p.elements...)
	return nil
}

// Len returns the length of the document so far, in bytes.
func (m *Merger) Len() int {
	if len(m.more) == 0 {
		return len(m.first)
	}
	return len(m.first) - (m.place.to - m.place.from) + len(m.place.before) + len(m.more) + len(m.place.after)
}

// Document returns the merged document: the first page itself when there was
// nothing to add to it.
func (m *Merger) Document() []byte {
	if len(m.more) == 0 {
		return m.first
	}
	return slices.Concat(m.first[:m.place.from], []byte(m.place.before), m.more, []byte(m.place.after), m.first[m.place.to:])
}

// layout is what merging needs to know of a page.
type layout struct {
	updatedAt string // its text as it stands, "" when absent
	elements  string // of identity_overrides, without the brackets
	// More elements are put in place of the bytes from:to, between before and
	// after.
	from, to      int
	before, after string
}

// survey finds a page's identity overrides without decoding them. Of a name that
// is there twice the last counts, as in all readers of the document.
func survey(text string) (layout, error) {
	var l layout
	s := jsonscan.New(text)
	if s.Kind() != jsonscan.Object {
		return l, errors.New("the answer is not a JSON object")
	}
	s.EnterObject()
	listed := false
	end := s.Offset() // of the last member
	members := 0
	for {
		name, ok := s.NextKey()
		if !ok {
			break
		}
		switch name {
		case "updated_at":
			l.updatedAt = s.Raw()
		case "identity_overrides":
			var err error
			if listed, err = l.overrides(text, &s); err != nil {
				return l, err
			}
		default:
			s.Skip()
		}
		end = s.Offset()
		members++
	}
	if err := s.End(); err != nil {
		return l, fmt.Errorf("the answer is %w", err)
	}
	if !listed {
		l.from, l.to = end, end
		l.before, l.after = `"identity_overrides":[`, "]"
		if members > 0 {
			l.before = "," + l.before
		}
	}
	return l, nil
}

// overrides reads the value of identity_overrides.
func (l *layout) overrides(text string, s *jsonscan.Scanner) (listed bool, err error) {
	switch s.Kind() {
	case jsonscan.Null:
		l.from = s.Offset()
		s.Null()
		l.to = s.Offset()
		l.elements, l.before, l.after = "", "[", "]"
	case jsonscan.Array:
		s.EnterArray()
		start, end := s.Offset(), s.Offset()
		l.before, l.after = "", ""
		for s.NextElement() {
			s.Kind() // goes to where the element begins
			if l.before == "" {
				start, l.before = s.Offset(), ","
			}
			s.Skip()
			end = s.Offset()
		}
		l.elements, l.from, l.to = text[start:end], end, end
	case jsonscan.Invalid:
		s.Skip() // is the error
	default:
		return false, errors.New("identity_overrides is not a list")
	}
	return true, nil
}

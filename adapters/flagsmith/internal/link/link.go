// Package link reads Link header fields (RFC 8288).
package link

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// ErrSyntax: the header cannot be read.
var ErrSyntax = errors.New("the Link header cannot be read")

var (
	// parameter is a parameter of a link, with the white space behind it: its name, and its
	// value with or without quotes.
	parameter = regexp.MustCompile(`(?s)^;([^=;,]*)(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^";, \t][^;,]*)?))?[ \t]*`)
	// escaped is a character of a quoted value that stands for itself.
	escaped = regexp.MustCompile(`(?s)\\(.)`)
)

// Next returns the target of the first link with the relation "next" in the
// values of a message's Link fields, as it is written: often relative. Links
// with an anchor are about something else than the message and do not count.
//
// It reads what RFC 8288 allows and somewhat more, such as unquoted values of
// any characters and empty elements. On what it cannot read at all it returns
// ErrSyntax rather than guess: a link overlooked is a page lost.
func Next(fields []string) (target string, found bool, err error) {
	const between = ", \t" // links, with empty elements
	for _, field := range fields {
		for rest := strings.TrimLeft(field, between); rest != ""; rest = strings.TrimLeft(rest, between) {
			var to string
			var isNext, ok bool
			if to, isNext, rest, ok = read(rest); !ok {
				return "", false, ErrSyntax
			}
			if isNext && !found {
				target, found = to, true
			}
		}
	}
	return target, found, nil
}

// read reads the link that text begins with. rest is empty or begins with a comma.
func read(text string) (target string, isNext bool, rest string, ok bool) {
	target, rest, closed := strings.Cut(text, ">")
	target, opened := strings.CutPrefix(target, "<")
	if !opened || !closed {
		return "", false, "", false
	}
	hasRelation, hasAnchor := false, false
	for rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != ','; {
		p := parameter.FindStringSubmatch(rest)
		if p == nil {
			return "", false, "", false
		}
		rest = rest[len(p[0]):]
		switch strings.ToLower(strings.Trim(p[1], " \t")) {
		case "rel":
			// Of several, the first counts.
			isNext = isNext || !hasRelation && hasWord(escaped.ReplaceAllString(p[2], "$1")+p[3], "next")
			hasRelation = true
		case "anchor":
			hasAnchor = true
		}
	}
	return strings.TrimSpace(target), isNext && !hasAnchor, rest, true
}

func hasWord(list, word string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(w string) bool { return strings.EqualFold(w, word) })
}

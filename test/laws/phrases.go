package laws

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Phrase is a turn of phrase that readers stumble over.
type Phrase struct {
	Pattern *regexp.Regexp // of a line in lower case
	// Hints are texts in lower case, one of which is in each line that Pattern matches. To
	// look for them first is many times faster.
	Hints []string
	// Except are texts, in lower case, in which the phrase is plain English.
	Except  []string
	Instead string
}

// Phrases returns the phrases that must not be in comments, strings and pages. The
// list is short: it keeps habits from coming back, and does not teach style.
func Phrases() []Phrase {
	phrase := func(hints, pattern, instead string, except ...string) Phrase {
		return Phrase{regexp.MustCompile(`\b(?:` + pattern + `)\b`), strings.Split(hints, "|"), except, instead}
	}
	return []Phrase{
		phrase(` no `, `(?:is|are|was|were) no [a-z]+`, `"is not a …", or say what it is`,
			"there is no", "there are no", "there was no", "there were no", "is no longer", "are no longer", "was no longer", "were no longer"),
		phrase(` none`, `(?:is|are|was|were) none`, `"does not have one", "is not one of them"`, "there is none", "there are none", "there was none", "there were none"),
		phrase(` told`, `(?:is|are|was|were|be|been) told`, `"is notified", "gets", "is logged"`),
		phrase(`tell|told`, `tells? of|told of|told apart|tells? apart`, `"announces", "reports", "distinguishes"`),
		phrase(`anew`, `anew`, `"again"`),
		phrase(`lest`, `lest`, `"so that … not"`),
		phrase(`mend`, `mends|mended|mending|to mend`, `"fix", "repair"`),
		phrase(`besides`, `besides`, `"also", "in addition to", "except"`),
		phrase(` who`, `to who|of who`, `"to the one that", "to clients that"`),
		phrase(`had better`, `had better`, `"must", "should"`),
		phrase(`for ever`, `for ever`, `"forever", or how long`),
		phrase(` on `, `go(?:es)? on [a-z]+ing`, `"continues to"`),
		phrase(`of no `, `of no (?:use|matter)`, `"useless", "does not matter"`),
	}
}

// CheckPhrases returns the phrases in the Go files and pages of a directory. Change
// logs are history and are left out.
func CheckPhrases(repository fs.FS, phrases []Phrase) ([]string, error) {
	var wrong []string
	err := walkTexts(repository, func(name, content string) {
		base := path.Base(name)
		switch {
		case strings.HasPrefix(name, "test/laws/phrases") || base == "CHANGELOG.md":
		case path.Ext(base) == ".go":
			wrong = append(wrong, checkGo(name, content, phrases)...)
		case path.Ext(base) == ".md":
			wrong = append(wrong, checkPage(name, content, phrases)...)
		}
	})
	return wrong, err
}

// checkGo looks at comments, and at strings that are long enough for a phrase.
func checkGo(name, content string, phrases []Phrase) []string {
	var wrong []string
	files := token.NewFileSet()
	file := files.AddFile(name, -1, len(content))
	var s scanner.Scanner
	s.Init(file, []byte(content), nil, scanner.ScanComments)
	for {
		at, kind, text := s.Scan()
		switch kind {
		case token.EOF:
			return wrong
		case token.COMMENT:
			wrong = append(wrong, checkText(name, file.Line(at), text, phrases)...)
		case token.STRING:
			if len(text) > 12 {
				wrong = append(wrong, checkText(name, file.Line(at), text, phrases)...)
			}
		}
	}
}

var (
	quoted = regexp.MustCompile("`[^`]*`|\"[^\"]*\"")
	fence  = regexp.MustCompile("^ *```")
)

// checkPage looks at the prose of a page: not at blocks of code and not at what it
// quotes.
func checkPage(name, content string, phrases []Phrase) []string {
	var wrong []string
	number, code := 0, false
	for line := range strings.Lines(content) {
		number++
		if fence.MatchString(line) {
			code = !code
		} else if !code {
			wrong = append(wrong, checkText(name, number, quoted.ReplaceAllString(line, ""), phrases)...)
		}
	}
	return wrong
}

func checkText(name string, first int, text string, phrases []Phrase) []string {
	var wrong []string
	text = strings.ToLower(text)
	for _, p := range phrases {
		for number, line := range linesWith(text, p.Hints) {
			for _, plain := range p.Except {
				line = strings.ReplaceAll(line, plain, "")
			}
			if found := p.Pattern.FindString(line); found != "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %q is stilted: write %s", name, first+number, found, p.Instead))
			}
		}
	}
	return wrong
}

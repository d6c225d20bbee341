package laws

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Word is a text that must not be in the repository.
type Word struct {
	Pattern *regexp.Regexp
	// Hints are texts, one of which is in each line that Pattern matches.
	Hints []string
	// Files, where set, are the only ones it is forbidden in, by name.
	Files string
	// Except are the files that may have it.
	Except []string
	Why    string
}

// Words returns this repository's.
func Words() []Word {
	own := []string{"test/laws/words.go", "test/laws/words_test.go"}
	return []Word{
		{Pattern: regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`), Except: own,
			Hints: []string{"TODO", "FIXME", "XXX"}, Why: "work that is left is an issue, not a comment"},
		{Pattern: regexp.MustCompile(`(^|[\s"'=(:])(/home/|/Users/|/root/|[A-Z]:\\Users\\)`), Except: own,
			Hints: []string{"/home/", "/Users/", "/root/", `:\Users\`}, Why: "paths of one machine mean nothing on another"},
		{Pattern: regexp.MustCompile(`"resolved": *"`), Files: "package-lock.json",
			Hints: []string{`"resolved":`}, Why: "where packages come from is the builder's choice; the lock file has their digests"},
		{Pattern: regexp.MustCompile(`(^|[\s"'=(])\.\./`), Files: "Makefile",
			Hints: []string{"../"}, Why: "the repository stands alone"},
		{Pattern: regexp.MustCompile(`\btime\.Sleep\(`), Files: "*_test.go", Except: own,
			Hints: []string{"time.Sleep("}, Why: "a test waits for a condition or runs in a testing/synctest bubble; sleeping is slow or flaky, or both"},
		{Pattern: regexp.MustCompile(`\b[tb]\.Skip(f|Now)?\(`), Files: "*_test.go", Except: own,
			Hints: []string{".Skip"}, Why: "a test that does not run proves nothing, and nobody notices"},
	}
}

// CheckWords returns the forbidden texts in the files of a directory.
func CheckWords(repository fs.FS, words []Word) ([]string, error) {
	var wrong []string
	err := walkTexts(repository, func(name, content string) {
		wrong = append(wrong, checkFile(name, content, words)...)
	})
	return wrong, err
}

// walkTexts calls visit with every text file of a checkout.
func walkTexts(repository fs.FS, visit func(name, content string)) error {
	return fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin"):
			return fs.SkipDir
		case !entry.Type().IsRegular() || name == ".git": // a linked worktree has a file
			return nil
		}
		content, err := fs.ReadFile(repository, name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) < 0 && utf8.Valid(content) {
			visit(name, string(content))
		}
		return nil
	})
}

func checkFile(name, content string, words []Word) []string {
	var wrong []string
	for _, word := range words {
		if contains(word.Except, name) {
			continue
		}
		if concerned, _ := path.Match(word.Files, path.Base(name)); word.Files != "" && !concerned {
			continue
		}
		for number, line := range linesWith(content, word.Hints) {
			if found := word.Pattern.FindString(line); found != "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %q: %s", name, number+1, found, word.Why))
			}
		}
	}
	return wrong
}

// linesWith yields the lines of text that have one of the hints, once each, and their
// numbers from 0 on.
func linesWith(text string, hints []string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for {
			at := -1
			for _, hint := range hints {
				if i := strings.Index(text, hint); i >= 0 && (at < 0 || i < at) {
					at = i
				}
			}
			if at < 0 {
				return
			}
			begin := strings.LastIndexByte(text[:at], '\n') + 1
			number += strings.Count(text[:begin], "\n")
			line, rest, _ := strings.Cut(text[begin:], "\n")
			if !yield(number, line) {
				return
			}
			text = rest
			number++
		}
	}
}

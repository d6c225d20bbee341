package laws

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Word is a text that must not be in the repository.
type Word struct {
	Pattern *regexp.Regexp
	// Files, where set, are the only ones it is forbidden in, by name.
	Files string
	// Except are the files that may have it.
	Except []string
	Why    string
}

// Words are this repository's.
func Words() []Word {
	own := []string{"test/laws/words.go", "test/laws/laws_test.go"}
	return []Word{
		{Pattern: regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`), Except: own,
			Why: "what is left to do is an issue, not a comment"},
		{Pattern: regexp.MustCompile(`(^|[\s"'=(:])(/home/|/Users/|/root/|/work/|[A-Z]:\\Users\\)`), Except: own,
			Why: "paths of one machine mean nothing on another"},
		{Pattern: regexp.MustCompile(`\b(proxy\.golang\.org|sum\.golang\.org|registry\.(npmjs\.org|yarnpkg\.com)|pypi\.org|pythonhosted\.org|crates\.io|repo1?\.maven\.(apache\.)?org|deb\.debian\.org|registry-1\.docker\.io)\b`), Except: own,
			Why: "where packages come from is the builder's choice"},
		{Pattern: regexp.MustCompile(`\.\./shared/`), Except: append([]string{".ci/run"}, own...),
			Why: "the repository stands alone"},
		{Pattern: regexp.MustCompile(`(?i)\b(chatgpt|copilot|claude|subagent|language model|as an ai|ai[- ]generated|this session|in my brief)\b`), Except: own,
			Why: "the repository is about the product, not about how it was written"},
		{Pattern: regexp.MustCompile(`\btime\.Sleep\(`), Files: "*_test.go", Except: own,
			Why: "a test waits for a condition or runs in a testing/synctest bubble; sleeping is slow or flaky, or both"},
		{Pattern: regexp.MustCompile(`\b[tb]\.Skip(f|Now)?\(`), Files: "*_test.go", Except: own,
			Why: "a test that is not run proves nothing, and nobody notices"},
	}
}

// CheckWords returns the forbidden texts in the files of a directory.
func CheckWords(repository fs.FS, words []Word) ([]string, error) {
	var wrong []string
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin"):
			return fs.SkipDir
		case !entry.Type().IsRegular() || name == ".git": // of a linked worktree, a file
			return nil
		}
		content, err := fs.ReadFile(repository, name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) >= 0 || !utf8.Valid(content) {
			return nil // no text
		}
		wrong = append(wrong, checkFile(name, string(content), words)...)
		return nil
	})
	return wrong, err
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
		number := 0
		for line := range strings.Lines(content) {
			number++
			if word.Pattern.MatchString(line) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %q: %s", name, number, word.Pattern.FindString(line), word.Why))
			}
		}
	}
	return wrong
}

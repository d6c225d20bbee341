package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// citationPattern finds a page that a comment names, with or without a heading.
	citationPattern = regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.md(#[a-z0-9-]*)?`)
	// loosePattern finds a citation of the specification in any other form.
	loosePattern   = regexp.MustCompile(`(^|[^/\w])(behaviour|upstream|today|operate)(\.md|, (sections? \d|"))`)
	commentPattern = regexp.MustCompile(`(?:^|\s)(?://|#)\s(.*)`)
	// citationWords has a word of everything that citationPattern and loosePattern find.
	// Few lines have any, and looking for words is much faster than the patterns.
	citationWords = []string{"docs/", "behaviour", "upstream", "today", "operate"}
)

// Each page and heading that a comment in the code cites exists.
func TestCitationsResolve(t *testing.T) {
	all, cited := pages(t), 0
	err := fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "node_modules"}, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !hasComments(name):
			return nil
		}
		content, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		found, wrong := citations(name, string(content), all)
		cited += found
		for _, line := range wrong {
			t.Error(line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 40 {
		t.Errorf("only %d citations were found", cited)
	}
}

func hasComments(name string) bool {
	return slices.Contains([]string{".go", ".mk", ".yaml", ".py", ".js", ".mjs"}, path.Ext(name)) ||
		slices.Contains([]string{"Makefile", "Dockerfile", "run"}, path.Base(name))
}

// citations counts the citations in the comments of a file and returns those that
// lead nowhere.
func citations(name, content string, pages map[string]string) (found int, wrong []string) {
	number := 0
	for line := range strings.Lines(content) {
		number++
		if !slices.ContainsFunc(citationWords, func(word string) bool { return strings.Contains(line, word) }) {
			continue
		}
		comment := commentPattern.FindStringSubmatch(line)
		if comment == nil {
			continue
		}
		for _, citation := range citationPattern.FindAllString(comment[1], -1) {
			found++
			page, heading, hasHeading := strings.Cut(citation, "#")
			if text, exists := pages[page]; !exists {
				wrong = append(wrong, fmt.Sprintf("%s:%d: the page %s does not exist", name, number, page))
			} else if hasHeading && !slices.Contains(anchors(text), heading) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %s has no heading #%s", name, number, page, heading))
			}
		}
		if loose := loosePattern.FindString(comment[1]); loose != "" {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %q: cite the specification as docs/spec/PAGE.md#heading", name, number, strings.TrimSpace(loose)))
		}
	}
	return found, wrong
}

func TestCitationsNotices(t *testing.T) {
	all := map[string]string{"docs/spec/behaviour.md": "# Behaviour\n\n## Usable documents\n", "docs/health.md": ""}
	tests := []struct {
		line string
		want string // "" is a citation that resolves
	}{
		{"// see docs/spec/behaviour.md#usable-documents.", ""},
		{"const a = 1 // docs/spec/behaviour.md", ""},
		{"# docs/health.md has the rules", ""},
		{"// see docs/spec/behaviour.md#usable-document.", "docs/spec/behaviour.md has no heading #usable-document"},
		{"// see docs/spec/behaviour.md#", "has no heading"},
		{"// see docs/spec/upstream.md#usage", "the page docs/spec/upstream.md does not exist"},
		{"// (behaviour, section 3)", "cite the specification as"},
		{`// (upstream, "Usage")`, "cite the specification as"},
		{"// behaviour.md says so", "cite the specification as"},
	}
	for _, tt := range tests {
		found, wrong := citations("a.go", tt.line, all)
		switch {
		case tt.want == "" && (found != 1 || len(wrong) > 0):
			t.Errorf("%s: %d citations, %q", tt.line, found, wrong)
		case tt.want != "" && (len(wrong) != 1 || !strings.HasPrefix(wrong[0], "a.go:1: ") || !strings.Contains(wrong[0], tt.want)):
			t.Errorf("%s: %q, want %q", tt.line, wrong, tt.want)
		}
	}
}

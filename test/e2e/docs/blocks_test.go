package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const repository = "../../.."

// pages returns the documentation by path in the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && name != "docs" && name != "test" && !strings.HasPrefix(name, "docs/"),
			name == "docs/gen": // makes docs/configuration.md, which is a page
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		content, err := os.ReadFile(filepath.Join(repository, name))
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

// block is a code block.
type block struct {
	page     string
	line     int    // of its fence
	language string // "" where none is given
	text     string // without the indentation of the fence
	marker   string // the comment before it, if it marks the block
}

var (
	fencePattern  = regexp.MustCompile("^( *)```([a-z]*)$")
	markerPattern = regexp.MustCompile(`^ *<!-- (not .*) -->$`)
)

// blocksOf returns the blocks of a page in their order.
func blocksOf(name, page string) []block {
	var found []block
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		fence := fencePattern.FindStringSubmatch(lines[i])
		if fence == nil {
			continue
		}
		b := block{page: name, line: i + 1, language: fence[2]}
		for before := i - 1; before >= 0; before-- {
			if marker := markerPattern.FindStringSubmatch(lines[before]); marker != nil {
				b.marker = marker[1]
			} else if strings.TrimSpace(lines[before]) == "" {
				continue
			}
			break
		}
		var text strings.Builder
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
			text.WriteString(strings.TrimPrefix(lines[i], fence[1]) + "\n")
		}
		b.text = text.String()
		found = append(found, b)
	}
	return found
}

// blocks returns all blocks in a language.
func blocks(t *testing.T, language string) []block {
	t.Helper()
	var found []block
	for name, page := range pages(t) {
		found = append(found, slices.DeleteFunc(blocksOf(name, page), func(b block) bool { return b.language != language })...)
	}
	if len(found) == 0 {
		t.Fatalf("a block in %s was not found", language)
	}
	return found
}

// codeOf returns the commands of a page and its inline code.
func codeOf(page string) []string {
	var code []string
	rest := page
	for _, b := range blocksOf("", page) {
		if b.language == "sh" || b.language == "console" {
			code = append(code, b.text)
		}
	}
	rest = wholeBlock.ReplaceAllString(rest, "")
	return append(code, inline.FindAllString(rest, -1)...)
}

// built returns a page without the sections that are marked as planned: what these
// name does not exist yet. A section ends at the next heading of its level or above.
func built(page string) string {
	var kept strings.Builder
	planned, level := 0, 0 // the levels of the section that is left out and of the last heading
	for line := range strings.Lines(page) {
		if marks := headingMarks.FindString(line); marks != "" {
			level = len(marks) - 1
			if planned > 0 && level <= planned {
				planned = 0
			}
		}
		if planned == 0 && strings.HasPrefix(line, "*Planned: not built yet.") && level > 0 {
			planned = level
		}
		if planned == 0 {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestBuilt(t *testing.T) {
	page := "# A\na\n## B\n\n*Planned: not built yet.*\nb\n### C\nc\n## D\nd\n"
	if got, want := built(page), "# A\na\n## B\n\n## D\nd\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var (
	headingMarks = regexp.MustCompile(`^#+ `)
	wholeBlock   = regexp.MustCompile("(?ms)^ *```[a-z]*\n.*?^ *```$")
	inline       = regexp.MustCompile("`[^`\n]+`")
)

func TestBlocksOf(t *testing.T) {
	page := "a\n```sh\none\n\ntwo\n```\n<!-- not run: needs x -->\n\n- b\n\n<!-- not run: needs y -->\n\n  ```json\n  {\n    1\n  }\n  ```\n```\n$\n```\n"
	want := []block{
		{"p", 2, "sh", "one\n\ntwo\n", ""},
		{"p", 13, "json", "{\n  1\n}\n", "not run: needs y"},
		{"p", 18, "", "$\n", ""},
	}
	if got := blocksOf("p", page); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

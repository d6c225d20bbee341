package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shownPattern finds a link to a test, which has the test's name as its text.
var shownPattern = regexp.MustCompile(`\[((?:Test|Fuzz)[A-Za-z0-9_]+)\]\(([^)#]+_test\.go)\)`)

// Each line of the table of faults names a test.
func TestEachFaultHasATest(t *testing.T) {
	faults := 0
	for line := range strings.Lines(pages(t)["docs/faults.md"]) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| fault |") {
			continue
		}
		faults++
		if !shownPattern.MatchString(line) {
			t.Errorf("no test is named: %s", line)
		}
	}
	if faults < 20 {
		t.Errorf("only %d faults are listed", faults)
	}
}

// Each test that a page names is in the file that the page links to.
func TestNamedTestsExist(t *testing.T) {
	named := 0
	for page, text := range pages(t) {
		for _, match := range shownPattern.FindAllStringSubmatch(text, -1) {
			named++
			code, err := os.ReadFile(filepath.Join(repository, filepath.Dir(page), match[2]))
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if !strings.Contains(string(code), "\nfunc "+match[1]+"(") {
				t.Errorf("%s: %s has no test %s", page, match[2], match[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d tests are named", named)
	}
}

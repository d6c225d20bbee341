package regex_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"testing"

	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

//go:embed testdata/re_match.json
var golden []byte

// goldenCase is a pattern and what Python's re answered: the texts it matches and the ones it
// does not, or that it refuses the pattern.
type goldenCase struct {
	Pattern string
	Match   []string
	Miss    []string
	Error   bool
}

func goldenCases(tb testing.TB) []goldenCase {
	tb.Helper()
	var cases []goldenCase
	if err := json.Unmarshal(golden, &cases); err != nil {
		tb.Fatal(err)
	}
	if len(cases) < 500 {
		tb.Fatalf("only %d recorded patterns", len(cases))
	}
	return cases
}

func TestAnswersAsPythonDoes(t *testing.T) {
	engines := map[string]func(string) (*regex.Regexp, error){
		"chosen engine":       regex.Compile,
		"backtracking engine": regex.CompileBacktracking,
	}
	for name, compile := range engines {
		t.Run(name, func(t *testing.T) {
			for _, c := range goldenCases(t) {
				re, err := compile(c.Pattern)
				if c.Error {
					if !errors.Is(err, regex.ErrSyntax) {
						t.Errorf("compile %q: error %v, want ErrSyntax", c.Pattern, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("compile %q: %v", c.Pattern, err)
					continue
				}
				for _, text := range c.Match {
					expect(t, re, c.Pattern, text, true)
				}
				for _, text := range c.Miss {
					expect(t, re, c.Pattern, text, false)
				}
			}
		})
	}
}

func expect(t *testing.T, re *regex.Regexp, pattern, text string, want bool) {
	t.Helper()
	got, err := match(re, text)
	if err != nil || got != want {
		t.Errorf("%q on %q: got %v, %v; Python says %v", pattern, text, got, err, want)
	}
}

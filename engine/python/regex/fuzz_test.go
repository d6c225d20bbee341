package regex_test

import (
	"errors"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

// FuzzCompileMatch looks for panics, for answers that take long, and for patterns on which the
// two engines disagree.
func FuzzCompileMatch(f *testing.F) {
	for i, c := range goldenCases(f) {
		if i%4 == 0 && len(c.Match) > 0 {
			f.Add(c.Pattern, c.Match[0])
		}
	}
	f.Add(`(a+)+\1$`, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")
	f.Add(`(?i)[^\W_k-\U00010400]{2,}?$`, "ſ\u212a\n")
	f.Add(`((a{1000}){1000}){1000}`, "a")
	f.Add(`(?<=(?:ab|cd))\b(?(1)x|y)(z)`, "\xff")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 64<<10 || len(text) > 4<<10 {
			return
		}
		start := time.Now()
		re, err := regex.Compile(pattern)
		if err != nil {
			if !errors.Is(err, regex.ErrSyntax) {
				t.Fatalf("compile %q: %v", pattern, err)
			}
			return
		}
		matched, err := match(re, text)
		if err != nil && (matched || !errors.Is(err, regex.ErrBudget) || !regex.Backtracks(re)) {
			t.Fatalf("%q on %q: %v, %v", pattern, text, matched, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%q on %q took %v", pattern, text, took)
		}
		other, err := regex.CompileBacktracking(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if again, err2 := match(other, text); err == nil && err2 == nil && again != matched {
			t.Fatalf("%q on %q: %v, but backtracking %v", pattern, text, matched, again)
		}
	})
}

// match matches with a budget that no match exceeds but those that are cut off.
func match(re *regex.Regexp, text string) (bool, error) {
	steps := 1 << 40
	return re.Match(text, &steps)
}

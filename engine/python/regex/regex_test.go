package regex_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

func TestCompileNamesCauseAndPosition(t *testing.T) {
	tests := map[string]struct{ pattern, want string }{
		"open group":              {`ab(c`, "missing ), unterminated subpattern at position 2"},
		"surplus parenthesis":     {`ab)c`, "unbalanced parenthesis at position 2"},
		"open class":              {`é[a`, "unterminated character set at position 1"},
		"trailing backslash":      {`ab\`, "bad escape (end of pattern) at position 2"},
		"unknown escape":          {`a\q`, `bad escape \q at position 1`},
		"no \\z in Python 3.12":   {`a\z`, `bad escape \z at position 1`},
		"named character":         {`\N{DASH}`, `named characters (\N{…}) are not supported at position 0`},
		"two quantifiers":         {`a{2}{3}`, "multiple repeat at position 4"},
		"quantifier alone":        {`a|*`, "nothing to repeat at position 2"},
		"quantified anchor":       {`$*`, "nothing to repeat at position 1"},
		"counts reversed":         {`a{3,2}`, "min repeat greater than max repeat at position 1"},
		"range reversed":          {`[b-a]`, "bad character range at position 1"},
		"late global flag":        {`a(?i)`, "global flags not at the start of the expression at position 1"},
		"lookbehind of any width": {`(?<=a+)b`, "look-behind requires fixed-width pattern at position 0"},
		"missing group":           {`(a)\2`, "invalid group reference 2 at position 3"},
		"missing condition group": {`(?(2)a)(b)`, "invalid group reference 2 at position 3"},
		// Python 3.12 takes decimal ASCII digits only; 3.11 still took what int() takes.
		"condition with a blank": {`(a)(?( 1)b)`, `bad character in group name " 1" at position 6`},
		"condition with a sign":  {`(a)(?(+1)b)`, `bad character in group name "+1" at position 6`},
		"too deep":               {strings.Repeat("(", 1000), "groups nested too deeply at position 500"},
		"too much folding":       {"(?i)" + strings.Repeat("[\u0100-\u1fff]", 300), "too many cased letters in character sets at position"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := regex.Compile(test.pattern)
			if !errors.Is(err, regex.ErrSyntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("compile %q: error %v, want ErrSyntax with %q", test.pattern, err, test.want)
			}
		})
	}
}

func TestOnlyWhatNeedsItBacktracks(t *testing.T) {
	tests := map[string]bool{
		`^(?:foo|bar)+?\d{2,}$`:            false,
		`(?i)straße[^\W_]*`:                false,
		`(?P<user>\w+)@(?:[a-z]+\.)+com\Z`: false,
		`(?:[a-z]{1,63}\.){1,32}`:          false, // beyond the counts Go takes, as copies
		`(?m)^a$\n^b$`:                     false,
		`(?a)\bfoo\b`:                      false,
		`\bfoo\b`:                          true, // for texts that are not ASCII
		`(?a)\B.`:                          true, // for the empty text
		`(a$)b?`:                           true, // for texts that end with a newline
		`(a)\1`:                            true,
		`(?=a)`:                            true,
		`(?<!a)b`:                          true,
		`(?>a)`:                            true,
		`a++`:                              true,
		`(a)?(?(1)b|c)`:                    true,
		`((a{1000}){1000}){1000}`:          true,
	}
	for pattern, want := range tests {
		re, err := regex.Compile(pattern)
		if err != nil {
			t.Errorf("compile %q: %v", pattern, err)
			continue
		}
		if got := regex.Backtracks(re); got != want {
			t.Errorf("%q: Backtracks() = %v, want %v", pattern, got, want)
		}
	}
}

// TestInvalidUTF8 shows both engines the same texts: each stray byte is one U+FFFD.
func TestInvalidUTF8(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{`..$`, "\xff\xfe", true},
		{`.$`, "\xff\xfe", false},
		{`\ufffd$`, "\xff", true},
		{"\xff$", "\ufffd", true},
		{`\W\W\W$`, "\xe4\xb8a", false},
		{`(?<=\W\W)a`, "\xe4\xb8a", false},
		{`..(?<=\W\W)a$`, "\xe4\xb8a", true},
		{`\ud800`, "\ufffd", false},
		{`[\ud800-\udfff]`, "\xed\xa0\x80", false},
		{`[^\ud800]{3}$`, "\xed\xa0\x80", true},
	}
	for _, test := range tests {
		for _, compile := range []func(string) (*regex.Regexp, error){regex.Compile, regex.CompileBacktracking} {
			re, err := compile(test.pattern)
			if err != nil {
				t.Errorf("compile %q: %v", test.pattern, err)
				continue
			}
			expect(t, re, test.pattern, test.text, test.want)
		}
	}
}

func TestBudget(t *testing.T) {
	tests := map[string]struct{ pattern, text string }{
		"nested quantifiers": {`(a+)+\1$`, strings.Repeat("a", 2000) + "b"},
		"equal alternatives": {`(?:a|aa)+(?!a)$`, strings.Repeat("a", 2000) + "b"},
		"words":              {`^(\w+\s?)*(?<=x)$`, strings.Repeat("a", 60) + "b"},
		"runs in a row":      {strings.Repeat(".*", 300) + "x(?=y)", strings.Repeat("a", 2000)},
		"countless nothing":  {`(?:(?:(?:(?:){99999}){99999}){99999}){99999}x`, "a"},
		"stack":              {`(?:ab|cd)*(?=x)`, strings.Repeat("abcd", 200_000)},
		"huge text":          {`(?=a)a`, strings.Repeat("a", 1<<20+1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			re, err := regex.Compile(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			matched, err := match(re, test.text)
			if matched || !errors.Is(err, regex.ErrBudget) {
				t.Errorf("got %v, %v; want false, ErrBudget", matched, err)
			}
		})
	}
}

// TestExpensiveMatchesDisturbNobody runs matches that exhaust their budget beside cheap ones of
// the same expression.
func TestExpensiveMatchesDisturbNobody(t *testing.T) {
	re, err := regex.Compile(`(a+)+\1$`)
	if err != nil {
		t.Fatal(err)
	}
	expensive := strings.Repeat("a", 2000) + "b"
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if matched, err := match(re, expensive); matched || !errors.Is(err, regex.ErrBudget) {
				t.Errorf("expensive text: got %v, %v; want false, ErrBudget", matched, err)
			}
		})
		wg.Go(func() {
			for range 100 {
				expect(t, re, "(a+)+\\1$", "aaaa", true)
				expect(t, re, "(a+)+\\1$", "ab", false)
			}
		})
	}
	wg.Wait()
}

// TestCompileIsBounded compiles what would explode if counts were expanded or nesting recursed
// without end. The limit is generous: the point is seconds against hours.
func TestCompileIsBounded(t *testing.T) {
	const size = 64 << 10
	fill := func(part string) string { return strings.Repeat(part, size/len(part)) }
	patterns := map[string]string{
		"multiplied counts":  `((a{1000}){1000}){1000}`,
		"counted classes":    fill(`\w{1000}`),
		"negated categories": fill(`[^\W_]`),
		"nesting":            fill(`(`),
		"nested lookahead":   strings.Repeat("(?=", 490) + strings.Repeat(")", 490),
		"nested counts":      strings.Repeat("(?:", 400) + "a" + strings.Repeat("){0,2}", 400),
		"folded letters":     "(?i)" + fill(`k`),
		"folded ranges":      "(?i)" + fill("[\u0100-\u2fff]"),
		"folded planes":      "(?i)" + fill("[\u0100-\U0001f000]"),
		"one big class":      "(?i)[" + fill("kß") + "]",
		"alternatives":       fill(`a|`),
		"braces":             fill(`a{1`),
		"digits":             "a{" + fill(`9`) + "}",
		"references":         "(a)" + fill(`\1`),
	}
	for name, pattern := range patterns {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			re, err := regex.Compile(pattern)
			if err == nil {
				if _, err = match(re, strings.Repeat("a", 1000)+"b"); err != nil && !errors.Is(err, regex.ErrBudget) {
					t.Error(err)
				}
			} else if !errors.Is(err, regex.ErrSyntax) {
				t.Error(err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestLinearMatchAllocatesNothing(t *testing.T) {
	re, err := regex.Compile(`^\w+@(?:example|test)\.com$`)
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		if matched, _ := match(re, "someone@example.com"); !matched {
			t.Error("no match")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations per match", allocations)
	}
}

// The first matches complete the compilation, in whatever order they come.
func TestFirstMatchesAtOneTime(t *testing.T) {
	for _, pattern := range []string{`a[0-9]+`, `a(?=1)`, `a\w{100}|a1`} {
		re, err := regex.Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if matched, err := match(re, "a1"); !matched || err != nil {
					t.Errorf("%s: %v, %v", pattern, matched, err)
				}
			})
		}
		all.Wait()
	}
}

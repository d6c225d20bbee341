package engine

import (
	"strings"
	"testing"
)

// inOrder are versions in the order of SemVer 2, those of one line equal. The order
// of pre-releases is the specification's own example.
var inOrder = [][]string{
	{"0.0.0", "0.0.0+build"},
	{"0.0.1-0"},
	{"0.0.1"},
	{"1.0.0--"},
	{"1.0.0-alpha", "1.0.0-alpha+001"},
	{"1.0.0-alpha.1"},
	{"1.0.0-alpha.beta"},
	{"1.0.0-beta"},
	{"1.0.0-beta.2"},
	{"1.0.0-beta.11"},
	{"1.0.0-rc.1"},
	{"1.0.0", "1.0.0+20130313144700", "1.0.0+-.0a"},
	{"1.2.9"},
	{"1.2.10"},
	{"1.10.0"},
	{"2.0.0"},
	{"99999999999999999998.0.0"},
	{"99999999999999999999.0.0-1"},
	{"99999999999999999999.0.0"},
}

var notVersions = []string{
	"", "1", "1.2", "v1.2.3", " 1.2.3", "1.2.3 ", "1.2.3\n", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "-1.2.3", "1.-2.3", "a.b.c", "1.2.3-",
	"1.2.3-a.", "1.2.3-.a", "1.2.3-a..b", "1.2.3-01", "1.2.3-a.00", "1.2.3-é", "1.2.3-a_b", "1.2.3+", "1.2.3+a.", "1.2.3+a+b", "1.2+build", "1-a", "1.2-a",
}

func TestVersionsAreStrictAndOrdered(t *testing.T) {
	for _, text := range notVersions {
		if _, ok := parseVersion(text); ok {
			t.Errorf("%q is taken for a version", text)
		}
	}
	for i, equals := range inOrder {
		for _, a := range equals {
			v, ok := parseVersion(a)
			if !ok {
				t.Errorf("%q is not taken for a version", a)
			}
			for j, others := range inOrder {
				for _, b := range others {
					w, _ := parseVersion(b)
					if got, want := v.compare(w), sign(i-j); got != want {
						t.Errorf("compare(%s, %s) = %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	default:
		return 0
	}
}

// FuzzVersion: whatever is a version has its place in the order, and a build does
// not move it.
func FuzzVersion(f *testing.F) {
	for _, equals := range inOrder {
		f.Add(equals[0])
	}
	for _, text := range notVersions {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, ok := parseVersion(text)
		if !ok {
			return
		}
		last := -1
		for _, equals := range inOrder {
			w, _ := parseVersion(equals[0])
			c := w.compare(v)
			if c != -v.compare(w) || c < last {
				t.Fatalf("%q has no place in the order", text)
			}
			last = c
		}
		bare, _, _ := strings.Cut(text, "+")
		if w, ok := parseVersion(bare + "+build.1"); !ok || v.compare(w) != 0 || !w.hasPart("build.1") {
			t.Fatalf("the build moves %q", text)
		}
	})
}

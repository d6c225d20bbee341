package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestChangesOfASample(t *testing.T) {
	o := options{equivalent: filepath.Join("testdata", "equivalent.txt"), patience: time.Millisecond, race: harness.RaceEnabled}
	for _, example := range []struct {
		name string
		o    options
		want string
	}{
		{"all", o, `
equivalent  testdata/sample/sample.go:6:7: if a [> becomes >=] b {
survived    testdata/sample/sample.go:13:33: func Even(n int) bool { return n[% becomes *]2 == 0 }
endless     testdata/sample/sample.go:18:8: steps[++ becomes --]
not reached testdata/sample/sample.go:27:35: func Negative(n int) int { return [- becomes +]n }
testdata/sample: 5 of 6 noticed (1 by a test that never ended); 1 equivalent, 1 not reached by the tests
`},
		{"match", options{equivalent: o.equivalent, match: "%", patience: o.patience, race: o.race}, `
survived    testdata/sample/sample.go:13:33: func Even(n int) bool { return n[% becomes *]2 == 0 }
testdata/sample: 1 of 2 noticed (0 by a test that never ended); 0 equivalent, 0 not reached by the tests
`},
	} {
		t.Run(example.name, func(t *testing.T) {
			var printed strings.Builder
			if err := run(&printed, example.o, []string{"./testdata/sample"}); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + printed.String(); got != example.want {
				t.Errorf("got %swant %s", got, example.want)
			}
		})
	}
}

func TestChoiceDependsOnTheSeedAlone(t *testing.T) {
	all := make([]change, 20)
	for i := range all {
		all[i].line = i
	}
	seen := map[string]bool{}
	for seed := range uint64(10) {
		chosen := choose(all, 5, seed)
		if len(chosen) != 5 || !slices.Equal(chosen, choose(all, 5, seed)) {
			t.Errorf("seed %d: %v", seed, chosen)
		}
		if !slices.Equal(chosen, choose(all, 10, seed)[:5]) {
			t.Errorf("seed %d: a larger sample begins with other changes", seed)
		}
		seen[fmt.Sprintf("%#v", chosen)] = true
	}
	if len(seen) < 5 {
		t.Errorf("ten seeds make %d choices", len(seen))
	}
	if got := choose(all, 21, 1); !slices.Equal(got, all) {
		t.Errorf("21 of 20: %v", got)
	}
}

package chart_test

import (
	"os"
	"path/filepath"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

func TestTemplate(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			manifests, notes, err := template(t, valuesOf(t, name))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".yaml", manifests)
			golden(t, name+".notes.txt", notes)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata/golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; if this is intended: go test -update .\n%s", name, got)
	}
}

// Golden files of cases that no longer exist must not remain.
func TestGoldenFilesHaveTheirValues(t *testing.T) {
	entries, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * len(cases(t)); len(entries) != want {
		t.Errorf("%d golden files, want %d", len(entries), want)
	}
}

func TestLint(t *testing.T) {
	for _, name := range cases(t) {
		linted := lint.RunAll(directory, valuesOf(t, name), "shop")
		for _, message := range linted.Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

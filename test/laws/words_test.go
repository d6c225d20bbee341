package laws_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/edge-proxy/edge-proxy/test/laws"
)

func TestWords(t *testing.T) {
	wrong, err := laws.CheckWords(os.DirFS("../.."), laws.Words())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
}

// Continuous integration may run a script beside the checkout that prepares the
// machine, in one line, and runs without it.
func TestContinuousIntegrationStandsAlone(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(script)) {
		if strings.Contains(line, "../") {
			lines++
			if !strings.HasPrefix(line, "if [ -e ") {
				t.Errorf("not guarded: %s", line)
			}
		}
	}
	if lines > 1 {
		t.Errorf("%d lines", lines)
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestWordsNotice(t *testing.T) {
	wrong, err := laws.CheckWords(fstest.MapFS{
		"a.go":                  file("package a\n// TODO: this"),
		"b.md":                  file("see /home/me/x"),
		"c_test.go":             file("time.Sleep(1)\nt.Skip()"),
		"d.go":                  file("time.Sleep(1) // fine outside of tests"),
		"e.gz":                  file("\x00 TODO"),
		".git/config":           file("TODO"),
		"bin/x":                 file("TODO"),
		"Makefile":              file("all: ../other/x"),
		"sdk/package-lock.json": file(`"resolved": "https://packages.example.com/x.tgz"`),
		"docs/fine.md":          file("the user's home is /homestead, /rootfs; a link leads to ../README.md"),
	}, laws.Words())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(wrong)
	want := []string{"Makefile:1:", "a.go:2:", "b.md:1:", "c_test.go:1:", "c_test.go:2:", "sdk/package-lock.json:1:"}
	if len(wrong) != len(want) {
		t.Fatalf("got %q", wrong)
	}
	for i := range want {
		if !strings.HasPrefix(wrong[i], want[i]) {
			t.Errorf("got %q, want %q", wrong[i], want[i])
		}
	}
	wrong, err = laws.CheckWords(fstest.MapFS{".git": file("gitdir: /home/me/x"), "a.go": file("// TODO: this")}, laws.Words())
	if err != nil || len(wrong) != 1 || !strings.HasPrefix(wrong[0], "a.go:1:") {
		t.Errorf("in a linked worktree: %q, %v", wrong, err)
	}
}

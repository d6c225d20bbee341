package laws_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/edge-proxy/edge-proxy/test/laws"
)

const module = "github.com/edge-proxy/edge-proxy/"

func load(t *testing.T, patterns ...string) laws.Program {
	t.Helper()
	program, err := laws.Load(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func report(t *testing.T, wrong []string) {
	t.Helper()
	slices.Sort(wrong)
	for _, line := range slices.Compact(wrong) {
		t.Error(line)
	}
}

func TestLaws(t *testing.T) {
	program := load(t, module+"...")
	t.Run("imports", func(t *testing.T) {
		imports := program.Imports()
		if len(imports) < 20 {
			t.Fatalf("only %d packages were found", len(imports))
		}
		for path, list := range imports {
			report(t, laws.Check(laws.Laws(), path, list))
		}
	})
	t.Run("uses", func(t *testing.T) { report(t, program.Uses(laws.Bans())) })
	t.Run("no package-level state", func(t *testing.T) { report(t, program.State()) })
	t.Run("no init", func(t *testing.T) { report(t, program.Inits()) })
}

func TestWords(t *testing.T) {
	wrong, err := laws.CheckWords(os.DirFS("../.."), laws.Words())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
}

// The one place that may look beyond the repository does so in one line.
func TestContinuousIntegrationStandsAlone(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(script)) {
		if strings.Contains(line, "../shared/") {
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

func TestCheckNotices(t *testing.T) {
	tests := []struct {
		path, imported string
		want           string // "" is allowed
	}{
		{"domain", "strings", ""},
		{"domain", "os", "domain must not import os"},
		{"domain", "net/http", "domain must not import net/http"},
		{"domain", "log/slog", "domain must not import log/slog"},
		{"domain/jsonscan", "github.com/x/y", "domain/jsonscan must not import github.com/x/y"},
		{"domain", module + "engine", "domain must not import engine"},
		{"domainlike", "strings", "is under no law"},
		{"engine", module + "domain/jsonscan", ""},
		{"engine", module + "engine/python/jsonpath", ""},
		{"engine", "github.com/x/y", "engine must not import github.com/x/y"},
		{"engine", module + "ports", "engine must not import ports"},
		{"ports", "log/slog", ""},
		{"ports", "net", "ports must not import net"},
		{"app", module + "engine", ""},
		{"app", module + "adapters/httpapi", "app must not import adapters/httpapi"},
		{"app", "net/http", "app must not import net/http"},
		{"adapters/config", module + "adapters/config/internal/x", ""},
		{"adapters/config", module + "adapters/logging", "never each other"},
		{"adapters/config", module + "adapters/configx", "never each other"},
		{"adapters/httpapi", module + "app", ""},
		{"adapters/httpapi", module + "ports", "never a store"},
		{"adapters/httpapi", module + "adapters/httpserver", "never a store"},
		{"adapters/httpserver", module + "domain", ""},
		{"adapters/httpserver", module + "adapters/httpapi", "never each other"},
		{"adapters/httpserver", module + "app", "must not import app"},
		{"adapters/flagsmith/internal/link", module + "adapters/flagsmith/internal/pages", ""},
		{"adapters/flagsmith", module + "app", "must not import app"},
		{"adapters/store/bolt", module + "ports", ""},
		{"adapters/store/bolt", module + "adapters/store/redis", "must not import adapters/store/redis"},
		{"adapters/store/bolt", module + "engine", "must not import engine"},
		{"adapters/standard", module + "adapters/store/redis", ""},
		{"adapters/standard", module + "test/support/harness", "must not import test/support/harness"},
		{"cmd/edge-proxy", module + "app", "must not import app"},
		{"test/e2e/parity", module + "adapters/config", ""},
	}
	for _, tt := range tests {
		wrong := laws.Check(laws.Laws(), module+tt.path, []string{tt.imported})
		switch {
		case tt.want == "" && len(wrong) > 0:
			t.Errorf("%s importing %s: %v", tt.path, tt.imported, wrong)
		case tt.want != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], tt.want)):
			t.Errorf("%s importing %s: %v, want %q", tt.path, tt.imported, wrong, tt.want)
		}
	}
}

func TestLawsNoticeBrokenCode(t *testing.T) {
	program := load(t, "./testdata/broken")
	wrong := slices.Concat(program.State(), program.Inits(), program.Uses(laws.Bans()))
	all := strings.Join(wrong, "\n")
	for _, want := range []string{
		"locked has a type that is made for changing", "table is changed", "list is changed", "counted is changed",
		"kept is changed", "given is changed", ": init: ", "log/slog.Info", "os.Args", "expvar.NewInt",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not noticed in\n%s", want, all)
		}
	}
	for _, line := range wrong {
		if strings.Contains(line, "allowed") || strings.Contains(line, "local ") {
			t.Errorf("unjust: %s", line)
		}
	}
}

func TestWordsNotice(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	wrong, err := laws.CheckWords(fstest.MapFS{
		"a.go":           file("package a\n// TODO: this"),
		"b.md":           file("see /home/me/x"),
		"c_test.go":      file("time.Sleep(1)\nt.Skip()"),
		"d.go":           file("time.Sleep(1) // fine outside of tests"),
		"e.gz":           file("\x00 TODO"),
		".git/config":    file("TODO"),
		"bin/x":          file("TODO"),
		".ci/run":        file("../shared/x"),
		"Makefile":       file("../shared/x"),
		"lock.json":      file("https://registry.npmjs.org/x"),
		"docs/fine.md":   file("the user's home is /homestead, /rootfs, a worker's /networks/"),
		"docs/assist.md": file("written by ChatGPT"),
	}, laws.Words())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(wrong)
	want := []string{"Makefile:1:", "a.go:2:", "b.md:1:", "c_test.go:1:", "c_test.go:2:", "docs/assist.md:1:", "lock.json:1:"}
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

package laws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/laws"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const module = "github.com/edge-proxy/edge-proxy/"

func load(t *testing.T, patterns ...string) laws.Program {
	t.Helper()
	program, err := laws.Load(harness.BuildFlags(), patterns...)
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
	graph, err := laws.LoadGraph(module + "...")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("imports", func(t *testing.T) {
		if own := graph.Own(); len(own) < 20 || len(graph) < len(own)+20 {
			t.Fatalf("only %d packages were found, and %d with libraries", len(own), len(graph))
		}
		for _, path := range graph.Own() {
			report(t, laws.Check(laws.Laws(), graph, path))
		}
		report(t, laws.CheckShipped(graph, module+"cmd/edge-proxy", laws.NotShipped()))
	})
	program := load(t, graph.Product()...)
	t.Run("uses", func(t *testing.T) { report(t, program.Uses(laws.Bans())) })
	t.Run("no aliases", func(t *testing.T) { report(t, program.Aliases()) })
	t.Run("no package-level state", func(t *testing.T) { report(t, program.State()) })
	t.Run("no init", func(t *testing.T) {
		all, err := laws.Parse(module + "...")
		if err != nil {
			t.Fatal(err)
		}
		report(t, all.Inits())
	})
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
		{"adapters/store/bolt", module + "adapters/store/internal/names", ""},
		{"adapters/store/internal/names", module + "domain", ""},
		{"adapters/store/internal/names", module + "adapters/store/bolt", "must not import adapters/store/bolt"},
		{"adapters/store/internal/names", "github.com/x/y", "must not import github.com/x/y"},
		{"adapters/flagsmith", module + "adapters/store/internal/names", "never each other"},
		{"engine", "golang.org/x/mod/semver", ""},
		{"engine", "golang.org/x/mod/modfile", "engine must not import golang.org/x/mod/modfile"},
		{"adapters/standard/internal/commands", "github.com/spf13/cobra", ""},
		{"adapters/standard", "github.com/spf13/cobra", "must not import github.com/spf13/cobra"},
		{"adapters/store/bolt", module + "adapters/store/redis", "must not import adapters/store/redis"},
		{"adapters/store/bolt", module + "engine", "must not import engine"},
		{"adapters/standard", module + "adapters/store/redis", ""},
		{"adapters/standard", module + "test/support/harness", "must not import test/support/harness"},
		{"cmd/edge-proxy", module + "app", "must not import app"},
		{"test/e2e/parity", module + "adapters/config", ""},
	}
	for _, tt := range tests {
		wrong := laws.Check(laws.Laws(), laws.Graph{module + tt.path: {tt.imported}}, module+tt.path)
		switch {
		case tt.want == "" && len(wrong) > 0:
			t.Errorf("%s importing %s: %v", tt.path, tt.imported, wrong)
		case tt.want != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], tt.want)):
			t.Errorf("%s importing %s: %v, want %q", tt.path, tt.imported, wrong, tt.want)
		}
	}
}

// What a package reaches through others is held to its law too.
func TestCheckNoticesWhatIsReached(t *testing.T) {
	tests := map[string]struct {
		graph laws.Graph
		path  string
		want  string // "" is allowed
	}{
		"a pure library": {laws.Graph{
			module + "engine":         {"golang.org/x/mod/semver"},
			"golang.org/x/mod/semver": {"slices", "strings"},
		}, "engine", ""},
		"a library that does I/O": {laws.Graph{
			module + "engine":         {"golang.org/x/mod/semver"},
			"golang.org/x/mod/semver": {"example.com/deep"},
			"example.com/deep":        {"net"},
		}, "engine", "engine must not reach net (engine -> golang.org/x/mod/semver -> example.com/deep -> net): "},
		"a library that the law of a package between forbids": {laws.Graph{
			module + "app":             {module + "domain"},
			module + "domain":          {"net/http"},
			module + "adapters/config": {"os"},
		}, "domain", "domain must not import net/http: "},
		"an exception of another package's law": {laws.Graph{
			module + "app":   {module + "ports"},
			module + "ports": {"net/url"},
		}, "app", ""},
		"an adapter, through a package between": {laws.Graph{
			module + "adapters/httpapi":    {module + "app"},
			module + "app":                 {module + "adapters/store/bolt"},
			module + "adapters/store/bolt": {},
		}, "adapters/httpapi", "adapters/httpapi must not reach adapters/store/bolt (adapters/httpapi -> app -> adapters/store/bolt): "},
		"a package that does I/O, through a package between": {laws.Graph{
			module + "app":       {module + "engine"},
			module + "engine":    {module + "test/data"},
			module + "test/data": {"os"},
		}, "app", "app must not reach test/data (app -> engine -> test/data): "},
	}
	for name, tt := range tests {
		wrong := laws.Check(laws.Laws(), tt.graph, module+tt.path)
		switch {
		case tt.want == "" && len(wrong) > 0:
			t.Errorf("%s: %v", name, wrong)
		case tt.want != "" && (len(wrong) != 1 || !strings.HasPrefix(wrong[0], tt.want)):
			t.Errorf("%s: %v, want %q", name, wrong, tt.want)
		}
	}
	shipped := laws.Graph{module + "cmd/edge-proxy": {"example.com/a"}, "example.com/a": {"testing"}}
	if wrong := laws.CheckShipped(shipped, module+"cmd/edge-proxy", laws.NotShipped()); len(wrong) != 1 || !strings.Contains(wrong[0], "cmd/edge-proxy -> example.com/a -> testing") {
		t.Errorf("a library for tests: %v", wrong)
	}
}

func TestLawsNoticeBrokenCode(t *testing.T) {
	program := load(t, "./testdata/broken")
	wrong := slices.Concat(program.State(), program.Inits(), program.Uses(laws.Bans()), program.Aliases())
	all := strings.Join(wrong, "\n")
	for _, want := range []string{
		"locked has a type that is made for changing", "table is changed", "list is changed", "counted is changed",
		"kept is changed", "given is changed", ": init: ", "log/slog.Info", "os.Args", "expvar.NewInt", "Key is domain.EnvironmentKey",
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

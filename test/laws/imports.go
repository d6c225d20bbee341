package laws

import (
	"fmt"
	"slices"
	"strings"
)

const modulePath = "github.com/edge-proxy/edge-proxy"

// Law says what the packages under a path of this module may import.
type Law struct {
	// Path is a package of this module. The law also holds for the packages below
	// it, unless they have a law of their own. A last element "*" stands for any
	// name, and "*" in Own for the same name.
	Path string
	// Own are the packages of this module that may be imported, with all below
	// them; "." is any.
	Own []string
	// Others are the modules that may be imported; "." is any.
	Others []string
	// Pure forbids every package of the standard library that does I/O, but for
	// Except. It also holds for what is reached through other packages: those of
	// this module must be under a Pure law, and libraries must be pure themselves.
	Pure   bool
	Except []string
	// Apart is a path whose packages must not be reached, through others either,
	// unless Own has them.
	Apart string
	Why   string
}

// Laws returns this module's laws, the more special ones first.
func Laws() []Law {
	const siblings = "adapters know the application and its contracts, never each other, so that each can be replaced alone; adapters/standard alone puts them together"
	return []Law{
		{Path: "domain", Own: []string{"domain"}, Pure: true,
			Why: "everything depends on the domain, so it depends on nothing: no I/O, no clock, no third party"},
		{Path: "engine", Own: []string{"domain", "engine"}, Others: []string{"golang.org/x/mod/semver"}, Pure: true,
			Why: "evaluation is a pure function of document and identity, tested and fuzzed as one"},
		{Path: "ports", Own: []string{"domain"}, Pure: true, Except: []string{"log/slog", "net/url"},
			Why: "other teams implement the contracts too, so these must drag nothing along"},
		{Path: "app", Own: []string{"app", "domain", "engine", "ports"}, Pure: true, Except: []string{"log/slog"},
			Why: "the application decides, and reaches the world through its ports only"},
		{Path: "adapters/standard/internal/commands", Own: []string{"adapters/config", "adapters/standard/internal", "app", "domain", "ports"}, Others: []string{"github.com/prometheus/procfs", "github.com/spf13/cobra", "github.com/spf13/pflag"},
			Why: "the commands are the one place that knows the library of the command line; the composition root gives them the adapters"},
		{Path: "adapters/standard/manual", Own: []string{"adapters/standard/internal/commands"}, Others: []string{"github.com/spf13/cobra"},
			Why: "manual pages are made of the commands alone, by a library that the program does without"},
		{Path: "adapters/standard/internal/doctor", Own: []string{"adapters/config", "adapters/flagsmith", "app", "domain", "ports"},
			Why: "the doctor examines what the composition root opens for it; it knows the settings that are wrong, and the client whose way to the API it goes"},
		{Path: "adapters/standard", Own: []string{"adapters", "app", "docs/sample", "domain", "ports"}, Others: []string{"golang.org/x/crypto/x509roots/fallback", "golang.org/x/term"},
			Why: "the composition root wires what there is and holds no logic of its own"},
		{Path: "adapters/store/internal", Own: []string{"adapters/store/internal", "domain", "ports"}, Apart: "adapters",
			Why: "the floor under all stores: what each of them would write again, and no way from one store to another"},
		{Path: "adapters/store/*", Own: []string{"adapters/store/*", "adapters/store/internal", "domain", "ports"}, Others: []string{"."}, Apart: "adapters",
			Why: "a store implements its port and knows nothing of what is done with it; " + siblings},
		{Path: "adapters/httpapi", Own: []string{"adapters/httpapi", "app", "domain", "engine"}, Others: []string{"."}, Apart: "adapters",
			Why: "the HTTP interface is a handler: it asks the application and never a store or upstream, and does not know which server calls it; " + siblings},
		{Path: "adapters/httpserver", Own: []string{"domain"}, Others: []string{"."}, Apart: "adapters",
			Why: "the server serves any http.Handler and knows nothing of flags; " + siblings},
		{Path: "adapters/tracing", Own: []string{"app", "domain", "ports"}, Others: []string{"go.opentelemetry.io/otel", "go.opentelemetry.io/contrib/bridges/prometheus", "github.com/prometheus/client_golang"}, Apart: "adapters",
			Why: "traces are made of what the application and the HTTP interface report, and are the only place that knows the SDK; " + siblings},
		{Path: "adapters/metrics", Own: []string{"adapters/metrics", "app", "domain", "ports"}, Others: []string{"github.com/prometheus/client_golang", "github.com/prometheus/client_model"}, Apart: "adapters",
			Why: "metrics report the application's status and what it notifies of; the composition root brings what other adapters count; " + siblings},
		{Path: "adapters/adminapi", Own: []string{"adapters/adminapi", "app", "domain", "ports"}, Others: []string{"golang.org/x/net/netutil"}, Apart: "adapters",
			Why: "the interface for operators reads the application's status and calls what it is given; it does not know where metrics and the configuration come from; " + siblings},
		{Path: "adapters/*", Own: []string{"adapters/*", "domain", "ports"}, Others: []string{"."}, Apart: "adapters", Why: siblings},
		{Path: "cmd", Own: []string{"adapters/standard"},
			Why: "the main function is meant to be copied by teams that add an adapter, so it does nothing"},
		{Path: "test", Own: []string{"."}, Others: []string{"."}, Why: "tests may use anything"},
		{Path: "docs", Own: []string{"adapters/config", "adapters/metrics", "adapters/standard"},
			Why: "the references of settings, metrics and commands are generated from their own definitions"},
	}
}

// NotShipped are the packages that the program must not reach, through libraries
// either: they are for tests.
func NotShipped() []string {
	return []string{"testing", "net/http/httptest", modulePath + "/test"}
}

// pure reports whether a package of the standard library is free of I/O and of
// clocks. It lists the packages that are not.
func pure(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if slices.Contains([]string{"os", "net", "log", "syscall", "plugin", "expvar", "testing", "embed"}, first) {
		return false
	}
	return !slices.Contains([]string{"io/ioutil", "database/sql", "runtime/pprof", "runtime/trace", "crypto/tls", "crypto/rand", "math/rand", "math/rand/v2", "path/filepath"}, path)
}

// Check returns what is wrong with the imports of a package of this module, one
// line each with the reason.
func Check(laws []Law, graph Graph, path string) []string {
	law, name, found := lawOf(laws, path)
	if !found {
		return []string{relative(path) + " is under no law: give it one in test/laws/imports.go"}
	}
	var wrong []string
	for _, imported := range graph[path] {
		if !law.allows(name, imported) {
			wrong = append(wrong, fmt.Sprintf("%s must not import %s: %s", relative(path), relative(imported), law.Why))
		}
	}
	if len(wrong) > 0 {
		return wrong // what is reached through these is wrong for the same reason
	}
	for via, chain := range graph.Reached(path) {
		for _, reached := range graph[via] {
			if !law.mayReach(laws, name, reached, via) {
				wrong = append(wrong, fmt.Sprintf("%s must not reach %s (%s): %s", relative(path), relative(reached), shown(append(chain, reached)), law.Why))
			}
		}
	}
	return wrong
}

// CheckShipped returns how a package reaches what must not be shipped.
func CheckShipped(graph Graph, path string, never []string) []string {
	var wrong []string
	for reached, chain := range graph.Reached(path) {
		if containsParent(never, reached) {
			wrong = append(wrong, fmt.Sprintf("%s must not reach %s (%s): tests alone need it", relative(path), relative(reached), shown(chain)))
		}
	}
	return wrong
}

func lawOf(laws []Law, path string) (law Law, name string, found bool) {
	for _, law := range laws {
		if name, matches := law.matches(relative(path)); matches {
			return law, name, true
		}
	}
	return Law{}, "", false
}

// matches reports whether the law holds for a package, and what its "*" is.
func (l Law) matches(relative string) (name string, ok bool) {
	base, wild := strings.CutSuffix(l.Path, "/*")
	if !within(relative, base) {
		return "", false
	}
	if !wild {
		return "", true
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(relative, base), "/")
	name, _, _ = strings.Cut(rest, "/")
	return name, name != ""
}

// allows reports whether a package under the law may import another one.
func (l Law) allows(name, imported string) bool {
	if own, isOwn := strings.CutPrefix(imported, modulePath+"/"); isOwn {
		return l.allowsOwn(name, own)
	}
	if isLibrary(imported) {
		return slices.ContainsFunc(l.Others, func(allowed string) bool { return allowed == "." || within(imported, allowed) })
	}
	return !l.Pure || pure(imported) || slices.Contains(l.Except, imported)
}

func (l Law) allowsOwn(name, own string) bool {
	return slices.ContainsFunc(l.Own, func(allowed string) bool {
		return allowed == "." || within(own, strings.Replace(allowed, "*", name, 1))
	})
}

// mayReach reports whether a package under the law may reach another one, which
// via imports.
func (l Law) mayReach(laws []Law, name, reached, via string) bool {
	own, isOwn := strings.CutPrefix(reached, modulePath+"/")
	switch {
	case isOwn && l.Apart != "" && within(own, l.Apart):
		return l.allowsOwn(name, own)
	case !l.Pure:
		return true
	case isOwn:
		law, _, found := lawOf(laws, reached)
		return found && law.Pure
	case isLibrary(reached) || !isLibrary(via): // what a package of this module imports, its own law judges
		return true
	}
	return pure(reached)
}

// isLibrary reports whether a package belongs to another module.
func isLibrary(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !within(path, modulePath)
}

func relative(path string) string { return strings.TrimPrefix(path, modulePath+"/") }

func shown(chain []string) string {
	names := make([]string, len(chain))
	for i, path := range chain {
		names[i] = relative(path)
	}
	return strings.Join(names, " -> ")
}

func within(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

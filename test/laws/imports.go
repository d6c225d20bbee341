package laws

import (
	"fmt"
	"slices"
	"strings"
)

const modulePath = "github.com/edge-proxy/edge-proxy"

// Law says what the packages under a path of this module may import.
type Law struct {
	// Path is a package of this module; the law also holds for those below it,
	// unless they have one of their own. The last element "*" stands for any
	// name, and "*" in Own for the same one.
	Path string
	// Own are the packages of this module that may be imported, with all below
	// them; "." is any.
	Own []string
	// Others are the modules that may be imported; nil is none, "." any.
	Others []string
	// Pure forbids what of the standard library does I/O, but for Except.
	Pure   bool
	Except []string
	Why    string
}

// Laws are this module's, the more special ones first.
func Laws() []Law {
	const siblings = "adapters know the application and its contracts, never each other, so that each can be replaced alone; adapters/standard alone puts them together"
	return []Law{
		{Path: "domain", Own: []string{"domain"}, Pure: true,
			Why: "the domain is what everything else depends on, so it depends on nothing: no I/O, no clock, no third party"},
		{Path: "engine", Own: []string{"domain", "engine"}, Pure: true,
			Why: "evaluation is a pure function of document and identity, tested and fuzzed as one"},
		{Path: "ports", Own: []string{"domain"}, Pure: true, Except: []string{"log/slog", "net/url"},
			Why: "contracts are implemented by other teams too and must drag nothing along"},
		{Path: "app", Own: []string{"app", "domain", "engine", "ports"}, Pure: true, Except: []string{"log/slog"},
			Why: "the application decides, and reaches the world through its ports only"},
		{Path: "adapters/standard/internal/commands", Own: []string{"adapters/config", "adapters/standard/internal", "app", "domain", "ports"}, Others: []string{"github.com/spf13/cobra", "github.com/spf13/pflag"},
			Why: "commands get what they work with from the composition root, so that a store of a team's own has them too"},
		{Path: "adapters/standard", Own: []string{"adapters", "app", "domain", "ports"}, Others: []string{"github.com/spf13/cobra", "golang.org/x/crypto/x509roots/fallback"},
			Why: "the composition root wires what there is and holds no logic of its own"},
		{Path: "adapters/store/*", Own: []string{"adapters/store/*", "domain", "ports"}, Others: []string{"."},
			Why: "a store implements its port and knows nothing of what is done with it; " + siblings},
		{Path: "adapters/httpapi", Own: []string{"adapters/httpapi", "app", "domain", "engine"}, Others: []string{"."},
			Why: "the HTTP interface asks the application and never a store or upstream; " + siblings},
		{Path: "adapters/*", Own: []string{"adapters/*", "domain", "ports"}, Others: []string{"."}, Why: siblings},
		{Path: "cmd", Own: []string{"adapters/standard"},
			Why: "the main function is meant to be copied by teams that add an adapter, so it does nothing"},
		{Path: "test", Own: []string{"."}, Others: []string{"."}, Why: "tests may use anything"},
		{Path: "docs", Own: []string{"adapters/config", "adapters/standard"}, Others: []string{"github.com/spf13/cobra"},
			Why: "the references of settings and commands are generated from their own definitions"},
	}
}

// pure reports whether a package of the standard library does no I/O and asks for
// no time. What is pure is listed by what is not.
func pure(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if slices.Contains([]string{"os", "net", "log", "syscall", "plugin", "expvar", "testing", "embed"}, first) {
		return false
	}
	return !slices.Contains([]string{"io/ioutil", "database/sql", "runtime/pprof", "runtime/trace", "crypto/tls", "crypto/rand", "math/rand", "math/rand/v2", "path/filepath"}, path)
}

// Check returns what is wrong with the imports of a package of this module, one
// line each with the reason.
func Check(laws []Law, path string, imports []string) []string {
	relative := strings.TrimPrefix(strings.TrimPrefix(path, modulePath), "/")
	for _, law := range laws {
		name, matches := law.matches(relative)
		if !matches {
			continue
		}
		var wrong []string
		for _, imported := range imports {
			if !law.allows(name, imported) {
				wrong = append(wrong, fmt.Sprintf("%s must not import %s: %s", relative, strings.TrimPrefix(imported, modulePath+"/"), law.Why))
			}
		}
		return wrong
	}
	return []string{relative + " is under no law: give it one in test/laws/imports.go"}
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

func (l Law) allows(name, imported string) bool {
	if own, isOwn := strings.CutPrefix(imported, modulePath+"/"); isOwn {
		return slices.ContainsFunc(l.Own, func(allowed string) bool {
			return allowed == "." || within(own, strings.Replace(allowed, "*", name, 1))
		})
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return slices.ContainsFunc(l.Others, func(allowed string) bool { return allowed == "." || within(imported, allowed) })
	}
	return !l.Pure || pure(imported) || slices.Contains(l.Except, imported)
}

func within(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

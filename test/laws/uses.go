package laws

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Ban forbids the use of something of another package.
type Ban struct {
	Package string
	Names   []string // functions and variables; nil is all
	// In are the paths of this module it is forbidden in, nil is everywhere but
	// in tests; Except are those in which it is not.
	In, Except []string
	Why        string
}

// Bans are this module's.
func Bans() []Ban {
	const owned = "what is shared by everything cannot be replaced in a test or by a team that embeds the proxy: it is passed in instead"
	const configures = "the composition root alone configures the process"
	return []Ban{
		{Package: "time", Names: []string{"Now", "Since", "Until"}, In: []string{"domain", "engine", "ports", "app"},
			Why: "time is passed in, so that tests decide what time it is"},
		{Package: "log/slog", Names: []string{"Default", "SetDefault", "SetLogLoggerLevel", "With", "Log", "LogAttrs", "Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext"}, Why: owned},
		{Package: "log", Names: []string{"Default", "Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Output"}, Why: owned},
		{Package: "log", Names: []string{"SetOutput", "SetFlags", "SetPrefix"}, Except: []string{"adapters/standard"}, Why: configures},
		{Package: "net/http", Names: []string{"DefaultClient", "DefaultTransport", "DefaultServeMux", "Get", "Head", "Post", "PostForm", "Handle", "HandleFunc", "ListenAndServe", "ListenAndServeTLS"}, Why: owned},
		{Package: "expvar", Why: owned},
		{Package: "flag", Names: []string{"CommandLine", "Parse", "Arg", "Args", "String", "Bool", "Int", "Duration", "StringVar", "BoolVar", "IntVar", "DurationVar", "Var", "Func"}, Why: owned},
		{Package: "os", Names: []string{"Args", "Environ", "Getenv", "LookupEnv", "Setenv", "Unsetenv", "Exit", "Getwd", "Chdir"}, Except: []string{"adapters/standard", "cmd"},
			Why: "the composition root alone reads the process's surroundings and ends the process"},
		{Package: "runtime", Names: []string{"GOMAXPROCS"}, Except: []string{"adapters/standard"}, Why: configures},
		{Package: "runtime/debug", Names: []string{"SetGCPercent", "SetMemoryLimit", "SetMaxThreads", "SetMaxStack", "SetTraceback", "SetCrashOutput"}, Except: []string{"adapters/standard"}, Why: configures},
	}
}

// Program is a set of type-checked packages.
type Program struct{ packages []*packages.Package }

// Load type-checks packages of this module, without their tests. What they import is
// compiled, with the build flags.
func Load(buildFlags []string, patterns ...string) (Program, error) {
	return load(&packages.Config{
		Mode:       packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports,
		BuildFlags: buildFlags,
	}, patterns)
}

// Parse reads packages of this module, without their tests and without compiling what they
// import. It also reads the files that only integration tests use. The program that it
// returns knows no types: only Inits can be asked for.
func Parse(patterns ...string) (Program, error) {
	return load(&packages.Config{BuildFlags: []string{"-tags=integration"}}, patterns)
}

func load(config *packages.Config, patterns []string) (Program, error) {
	config.Mode |= packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedModule
	loaded, err := packages.Load(config, patterns...)
	if err != nil {
		return Program{}, fmt.Errorf("laws: %w", err)
	}
	for _, p := range loaded {
		for _, problem := range p.Errors {
			return Program{}, fmt.Errorf("laws: %s: %w", p.PkgPath, problem)
		}
	}
	return Program{loaded}, nil
}

// Uses returns the violations of bans.
func (p Program) Uses(bans []Ban) []string {
	var wrong []string
	for _, pkg := range p.packages {
		relative := strings.TrimPrefix(pkg.PkgPath, modulePath+"/")
		for name, object := range pkg.TypesInfo.Uses {
			if object.Pkg() == nil || object.Parent() != object.Pkg().Scope() {
				continue // a method, a field or something local
			}
			for _, ban := range bans {
				if ban.forbids(relative, object) {
					wrong = append(wrong, fmt.Sprintf("%s: %s.%s: %s", p.position(pkg, name), ban.Package, object.Name(), ban.Why))
				}
			}
		}
	}
	return wrong
}

func (b Ban) forbids(relative string, object types.Object) bool {
	if _, isType := object.(*types.TypeName); isType || object.Pkg().Path() != b.Package {
		return false
	}
	if b.Names != nil && !contains(b.Names, object.Name()) {
		return false
	}
	return (b.In == nil || containsParent(b.In, relative)) && !containsParent(b.Except, relative)
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

func containsParent(list []string, path string) bool {
	for _, s := range list {
		if within(path, s) {
			return true
		}
	}
	return false
}

// Inits returns the init functions.
func (p Program) Inits() []string {
	var wrong []string
	for _, pkg := range p.packages {
		for _, file := range pkg.Syntax {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					wrong = append(wrong, p.position(pkg, f)+": init: registration is explicit; importing a package has no effect")
				}
			}
		}
	}
	return wrong
}

func (p Program) position(pkg *packages.Package, at interface{ Pos() token.Pos }) string {
	position := pkg.Fset.Position(at.Pos())
	file := position.Filename
	if pkg.Module != nil {
		file = strings.TrimPrefix(file, pkg.Module.Dir+"/")
	}
	return fmt.Sprintf("%s:%d", file, position.Line)
}

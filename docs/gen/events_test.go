package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"

	"golang.org/x/tools/go/packages"
)

// logged is what the code logs: the levels of each event, "" for one that is chosen while
// the program runs, and where that is.
type logged struct {
	levels map[string]map[string]bool
	wrong  []string
}

// loggedEvents reads the source of the program.
func loggedEvents(t *testing.T) logged {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{
		Dir:        "../..",
		BuildFlags: harness.BuildFlags(),
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, "./adapters/...", "./app/...", "./domain/...", "./engine/...", "./ports/...")
	if err != nil {
		t.Fatal(err)
	}
	found := logged{levels: map[string]map[string]bool{}}
	for _, p := range loaded {
		for _, problem := range p.Errors {
			t.Fatal(problem)
		}
		for _, file := range p.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					found.call(p, n)
				case *ast.BasicLit: // a constant whose type is eventName, or becomes it
					if value := p.TypesInfo.Types[n]; isEventName(value.Type) && value.Value != nil {
						found.add(constant.StringVal(value.Value), "")
					}
				}
				return true
			})
		}
	}
	return found
}

// call adds the event of a call of a method of *slog.Logger.
func (l *logged) call(p *packages.Package, call *ast.CallExpr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	function, ok := p.TypesInfo.Uses[method.Sel].(*types.Func)
	if !ok || !strings.HasPrefix(function.FullName(), "(*log/slog.Logger).") {
		return
	}
	name := function.Name()
	plain, withContext := strings.CutSuffix(name, "Context")
	level := map[string]string{"Debug": "DEBUG", "Info": "INFO", "Warn": "WARNING", "Error": "ERROR"}[plain]
	message := 0
	switch {
	case name == "Log" || name == "LogAttrs":
		message = 2
		if value := p.TypesInfo.Types[call.Args[1]].Value; value != nil {
			n, _ := constant.Int64Val(value)
			level = levelName(n)
		}
	case level == "":
		return // With, Enabled and the like
	case withContext:
		message = 1
	}
	event := call.Args[message]
	if value := p.TypesInfo.Types[event].Value; value != nil {
		l.add(constant.StringVal(value), level)
		return
	}
	if conversion, ok := event.(*ast.CallExpr); ok && len(conversion.Args) == 1 && isEventName(p.TypesInfo.Types[conversion.Args[0]].Type) {
		return // its constants are found
	}
	l.wrong = append(l.wrong, fmt.Sprintf("%s: the event is neither a constant nor a value of a type eventName", p.Fset.Position(call.Pos())))
}

func (l *logged) add(event, level string) {
	if l.levels[event] == nil {
		l.levels[event] = map[string]bool{}
	}
	l.levels[event][level] = true
}

func isEventName(t types.Type) bool {
	named, ok := t.(*types.Named)
	return ok && named.Obj().Name() == "eventName"
}

// levelName returns the name under which a level of slog is logged.
func levelName(level int64) string {
	switch {
	case level >= 100: // ports.LevelAlways
		return "INFO"
	case level >= 12:
		return "CRITICAL"
	case level >= 8:
		return "ERROR"
	case level >= 4:
		return "WARNING"
	case level >= 0:
		return "INFO"
	}
	return "DEBUG"
}

// TestEveryEventIsDocumented holds the code to the table and the table to the code.
func TestEveryEventIsDocumented(t *testing.T) {
	found := loggedEvents(t)
	for _, wrong := range found.wrong {
		t.Error(wrong)
	}
	documented := map[string]event{}
	for _, g := range events() {
		for _, e := range g.events {
			if _, twice := documented[e.name]; twice {
				t.Errorf("%s is there twice", e.name)
			}
			documented[e.name] = e
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found.levels)) {
		e, ok := documented[name]
		if !ok {
			t.Errorf("the event %s at %v is not in the table of docs/gen/events.go", name, slices.Sorted(maps.Keys(found.levels[name])))
			continue
		}
		for level := range found.levels[name] {
			if level != "" && !slices.Contains(e.levels, level) {
				t.Errorf("%s is logged at %s, the table has %v", name, level, e.levels)
			}
		}
		for _, level := range e.levels {
			if !found.levels[name][level] && !found.levels[name][""] {
				t.Errorf("%s is not logged at %s, as the table says", name, level)
			}
		}
	}
	for name, e := range documented {
		if found.levels[name] == nil {
			t.Errorf("the table has %s, which is not logged", name)
		}
		if e.meaning == "" || e.do == "" || len(e.levels) == 0 {
			t.Errorf("%s lacks a level, what it means or what to do: %+v", name, e)
		}
	}
}

func TestLogsPageIsCurrent(t *testing.T) {
	written, err := os.ReadFile("../logs.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(logs()) {
		t.Error("docs/logs.md is not what the table of events says: run `make docs`")
	}
}

package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor    = regexp.MustCompile("[^a-z0-9 _-]")
)

// anchors are the fragments of a page's headings, as forges make them.
func anchors(page string) []string {
	var all []string
	for _, match := range headingPattern.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	all, headings := pages(t), map[string][]string{}
	for name, page := range all {
		headings[name] = anchors(page)
	}
	for name, page := range all {
		for _, match := range linkPattern.FindAllStringSubmatch(page, -1) {
			target, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join(repository, path)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, match[1])
				continue
			}
			if fragment != "" && !slices.Contains(headings[path], fragment) {
				t.Errorf("%s: %s has no such heading", name, match[1])
			}
		}
	}
}

// Every page is reached from the README.
func TestEveryPageIsLinked(t *testing.T) {
	all := pages(t)
	reached := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		for _, match := range linkPattern.FindAllStringSubmatch(all[name], -1) {
			target, _, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			if readme := path + "/README.md"; all[readme] != "" { // forges show a directory's
				path = readme
			}
			if strings.HasSuffix(path, ".md") {
				visit(path)
			}
		}
	}
	visit("README.md")
	for name := range all {
		if !reached[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
}

// Configurations in the documentation are valid. Those without keys get some by a
// variable.
func TestConfigurationsLoad(t *testing.T) {
	for _, b := range blocks(t, "json") {
		warnings, err := load(b)
		good := err == nil && len(warnings) == 0 && hasSetting(b.text)
		switch {
		case b.marker == "" && !good:
			t.Errorf("%s:%d: %v %v in\n%s", b.page, b.line, err, warnings, b.text)
		case b.marker != "" && good:
			t.Errorf("%s:%d: this is a configuration, and needs no marker", b.page, b.line)
		case b.marker != "" && !json.Valid([]byte(b.text)):
			t.Errorf("%s:%d: this is not JSON", b.page, b.line)
		}
	}
}

// hasSetting reports whether a JSON text has any setting. Unknown keys are ignored,
// so any other object would load too.
func hasSetting(text string) bool {
	return slices.ContainsFunc(config.Reference(), func(e config.Entry) bool {
		section, _, _ := strings.Cut(e.Key, ".")
		return strings.Contains(text, `"`+section+`"`)
	})
}

func load(b block) (warnings []config.Warning, err error) {
	var environ []string
	if !strings.Contains(b.text, "environment_key_pairs") {
		environ = []string{`ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.your_server_side_key","client_side_key":"your_client_side_key"}]`}
	}
	_, warnings, err = config.Load(config.Source{Environ: environ, ReadFile: func(name string) ([]byte, error) {
		switch {
		case name == "config.json":
			return []byte(b.text), nil
		case strings.HasPrefix(name, "/run/secrets/"):
			return []byte("ser." + filepath.Base(name) + "_server_side_key\n"), nil
		}
		return nil, fs.ErrNotExist
	}})
	return warnings, err
}

// Go in the documentation is Go.
func TestGoParses(t *testing.T) {
	for _, b := range blocks(t, "go") {
		text := b.text
		if !strings.HasPrefix(text, "package ") {
			text = "package p\n" + text
		}
		if _, err := parser.ParseFile(token.NewFileSet(), b.page, text, parser.AllErrors); err != nil {
			t.Errorf("%s:%d: %v", b.page, b.line, err)
		}
	}
}

var (
	makePattern     = regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	includePattern  = regexp.MustCompile(`(?m)^include (.*)$`)
	targetPattern   = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	commandPattern  = regexp.MustCompile(`(?m)(?:^|[\s/"` + "`" + `])edge-proxy ([a-z][a-z-]*)(?: (--[a-z-]+))?`)
	settingPattern  = regexp.MustCompile("`((?:server|logging|health_check|store|endpoint_caches|analytics|webhook)\\.[a-z_.]+)`")
	variablePattern = regexp.MustCompile("(?:`|-e |\"name\": \")((?:[A-Z]+_)+[A-Z]+)\\b")
)

func TestCommandsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	makefiles := []string{"Makefile"}
	for _, match := range includePattern.FindAllStringSubmatch(string(makefile), -1) {
		makefiles = append(makefiles, strings.Fields(match[1])...)
	}
	var targets []string
	for _, name := range makefiles {
		makefile, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range targetPattern.FindAllStringSubmatch(string(makefile), -1) {
			targets = append(targets, match[1])
		}
	}
	commands := commandsOf(t)
	for _, b := range slices.Concat(blocks(t, "sh"), blocks(t, "console")) {
		for _, match := range makePattern.FindAllStringSubmatch(b.text, -1) {
			if !slices.Contains(targets, match[1]) {
				t.Errorf("%s: make %s is not a target", b.page, match[1])
			}
		}
	}
	for name, page := range pages(t) {
		for _, match := range commandPattern.FindAllStringSubmatch(strings.Join(codeOf(built(page)), "\n"), -1) {
			help, known := commands[match[1]]
			if !known {
				t.Errorf("%s: edge-proxy %s is not a command", name, match[1])
			} else if !strings.Contains(help, strings.TrimPrefix(match[2], "-")) { // Go's help has one dash
				t.Errorf("%s: edge-proxy %s has no %s", name, match[1], match[2])
			}
		}
	}
}

// commandsOf returns the help of each command of the program.
func commandsOf(t *testing.T) map[string]string {
	t.Helper()
	help := func(args ...string) string {
		var out bytes.Buffer
		standard.Run(t.Context(), standard.Process{Args: append([]string{"edge-proxy"}, args...), Stdout: &out, Stderr: &out})
		return out.String()
	}
	commands := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z-]+) {2,}`).FindAllStringSubmatch(help("help"), -1) {
		commands[match[1]] = help(match[1], "--help")
	}
	if len(commands) < 6 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	return commands
}

// Words in the form of a setting in a section, or of a variable, are settings.
func TestSettingsExist(t *testing.T) {
	var known []string
	for _, e := range config.Reference() {
		known = append(known, e.Key, e.Variable, e.FileVariable)
		known = append(known, e.VariableAliases...)
		section := e.Key[:strings.LastIndexByte(e.Key, '.')+1]
		for _, alias := range e.Aliases {
			known = append(known, section+alias)
		}
	}
	others := []string{"SSL_CERT_FILE", "SECTION_NAME", "EDGE_PROXY_TEST_FAST_PATH"} // of the system, of the explanation of variables, of the tests
	others = append(others, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_CERTIFICATE",
		"OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED") // of OpenTelemetry
	others = append(others, "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_INCLUSIVE", "LESS_THAN", "LESS_THAN_INCLUSIVE",
		"NOT_CONTAINS", "PERCENTAGE_SPLIT", "IS_SET", "IS_NOT_SET", "TARGETING_MATCH") // operators of conditions, and a reason
	for name, page := range pages(t) {
		for _, pattern := range []*regexp.Regexp{settingPattern, variablePattern} {
			for _, match := range pattern.FindAllStringSubmatch(built(page), -1) {
				if setting := match[1]; !strings.HasSuffix(setting, ".go") && !strings.HasPrefix(setting, "OTEL_") && // OpenTelemetry's own
					!slices.Contains(known, setting) && !slices.Contains(others, setting) {
					t.Errorf("%s: %s is not a setting", name, setting)
				}
			}
		}
	}
}

// The README of the tests lists every folder with tests.
func TestEveryTestIsListed(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "test", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, parent := range []string{"test", "test/e2e"} {
		folders, err := os.ReadDir(filepath.Join(repository, parent))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			if folder.IsDir() && !strings.Contains(string(page), "| `"+folder.Name()+"` |") {
				t.Errorf("test/README.md does not say what is in %s/%s", parent, folder.Name())
			}
		}
	}
}

func TestSampleIsUsableAndWithoutProblems(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join(repository, "docs/sample"))
	if err != nil {
		t.Fatal(err)
	}
	settings, warnings, err := config.Load(config.Source{ReadFile: os.ReadFile, WorkingDir: dir})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("config.json: %v %v", err, warnings)
	}
	for _, pair := range settings.EnvironmentKeyPairs {
		text, err := os.ReadFile(filepath.Join(dir, "environments", string(pair.ClientSideKey)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		document, problems, err := domain.ParseEnvironment(string(text))
		if err != nil {
			t.Fatal(err)
		}
		program, more := engine.Compile(document)
		if problems = append(problems, more...); len(problems) > 0 || document.APIKey != string(pair.ClientSideKey) || program.Len() != 8 {
			t.Errorf("%s: key %s, %d features, problems %v", pair.ClientSideKey, document.APIKey, program.Len(), problems)
		}
	}
}

func TestManifestsAreWellFormed(t *testing.T) {
	type file struct{ name, text string }
	var yamls []file
	for _, name := range []string{
		"compose.yaml", "docs/deploy/kubernetes.yaml", "docs/examples/ci/github-actions.yaml", "docs/examples/ci/gitlab-ci.yaml",
	} {
		content, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		yamls = append(yamls, file{name, string(content)})
	}
	for _, b := range blocks(t, "yaml") {
		yamls = append(yamls, file{b.page, b.text})
	}
	for _, f := range yamls {
		if err := parseYAML(f.text); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	task, err := os.ReadFile(filepath.Join(repository, "docs/deploy/ecs-task-definition.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(task) {
		t.Error("the task definition is not JSON")
	}
	for _, path := range []string{"/proxy/health/readiness", "/proxy/health/liveness"} {
		if !strings.Contains(yamls[1].text, path) {
			t.Errorf("no probe requests %s", path)
		}
	}
}

// parseYAML reads every document of a file and refuses repeated keys.
func parseYAML(text string) error {
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	for n := 0; ; n++ {
		var value map[string]any
		err := decoder.Decode(&value)
		if err == io.EOF && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		if len(value) == 0 {
			return fmt.Errorf("document %d is empty", n)
		}
	}
}

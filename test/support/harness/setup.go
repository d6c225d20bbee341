package harness

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Setup is how a proxy is started. Unless Config or Env say otherwise it
// listens on a free port of 127.0.0.1 and not for operators, logs as JSON and does not
// wait before it stops. It sees no other variable of the test's environment than PATH. With
// EDGE_PROXY_TEST_FAST_PATH=off in the test's environment it runs without its fast path.
type Setup struct {
	// Config becomes the configuration file.
	Config map[string]any
	// ConfigText is the configuration file as it is, instead of Config.
	ConfigText string
	// AsVariables turns Config into variables, one per top-level key, instead
	// of a file.
	AsVariables bool
	// Env are further variables.
	Env map[string]string
	// Args are the arguments; none is the proxy's default command.
	Args []string
	// Stdin is the standard input; it is empty otherwise.
	Stdin string
	// Binary is run instead of [Binary].
	Binary string
	// Dir is the working directory; a new empty one otherwise.
	Dir string
}

// defaults are what a Setup means unless it says otherwise, by variable.
var defaults = [][2]string{
	{"SERVER_HOST", "127.0.0.1"},
	{"SERVER_PORT", "0"},
	{"SERVER_DRAIN_DELAY_SECONDS", "0"},
	{"LOGGING_LOG_FORMAT", "json"},
	{"ADMIN_PORT", "0"},
}

// command makes the setup ready to run.
func (s Setup) command(t testing.TB) *exec.Cmd {
	t.Helper()
	dir := s.Dir
	if dir == "" {
		dir = t.TempDir()
	}
	variables := map[string]string{}
	for _, d := range defaults {
		if !s.decides(d[0]) {
			variables[d[0]] = d[1]
		}
	}
	switch {
	case s.AsVariables:
		for key, value := range s.Config {
			variables[strings.ToUpper(key)] = variableText(t, value)
		}
	case s.ConfigText != "" || s.Config != nil:
		text := []byte(s.ConfigText)
		if s.ConfigText == "" {
			text = marshal(t, s.Config)
		}
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatalf("harness: %v", err)
		}
		variables["CONFIG_PATH"] = path
	}
	if os.Getenv("EDGE_PROXY_TEST_FAST_PATH") == "off" && !s.decides("SERVER_FAST_PATH") {
		variables["SERVER_FAST_PATH"] = "false"
	}
	variables["PATH"] = os.Getenv("PATH")
	variables["HOME"] = dir
	variables["TMPDIR"] = t.TempDir()
	if cover := os.Getenv("GOCOVERDIR"); cover != "" {
		variables["GOCOVERDIR"] = cover
	}
	if RaceEnabled {
		// By default the race detector sleeps for a second before a program exits.
		variables["GORACE"] = "atexit_sleep_ms=10"
	}
	maps.Copy(variables, s.Env)

	path := s.Binary
	if path == "" {
		path = Binary(t)
	}
	cmd := exec.Command(path, s.Args...)
	cmd.Dir = dir
	if s.Stdin != "" {
		cmd.Stdin = strings.NewReader(s.Stdin)
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		cmd.Env = append(cmd.Env, name+"="+variables[name])
	}
	return cmd
}

// decides says whether the setup itself sets what a variable like SERVER_PORT
// sets: by this variable, by the one of the whole section, or in Config. A
// ConfigText is not looked into: what it decides has to be in Env as well.
func (s Setup) decides(variable string) bool {
	section, name, _ := strings.Cut(variable, "_")
	for set := range s.Env {
		if strings.EqualFold(set, variable) || strings.EqualFold(set, section) {
			return true
		}
	}
	values, _ := s.Config[strings.ToLower(section)].(map[string]any)
	_, set := values[strings.ToLower(name)]
	return set
}

// variableText is how a value is written in a variable: a text as it is,
// everything else as JSON.
func variableText(t testing.TB, value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return string(marshal(t, value))
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("harness: configuration: %v", err)
	}
	return text
}

// secretPatterns find secrets in configurations; each has one group.
var secretPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(ser\.[\w.-]{8,})`),
	regexp.MustCompile(`"(?:proxy_key|secret|token)"\s*:\s*"([^"]{6,})"`),
	regexp.MustCompile(`(?:PROXY_KEY|WEBHOOK_SECRET|ADMIN_TOKEN)=(.{6,})`),
	regexp.MustCompile(`://[^:@/\s"]*:([^@/\s"]{6,})@`), // a password in an address
}

// secrets returns what must never be printed. Texts that are as short as
// ordinary words are left out.
func (s Setup) secrets(t testing.TB) []string {
	t.Helper()
	var text strings.Builder
	text.WriteString(s.ConfigText)
	text.Write(marshal(t, s.Config))
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		text.WriteString("\n" + strings.ToUpper(name) + "=" + s.Env[name])
	}
	var found []string
	for _, pattern := range secretPatterns {
		for _, match := range pattern.FindAllStringSubmatch(text.String(), -1) {
			found = append(found, match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

package cli_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestConfigExplainsEverySetting(t *testing.T) {
	t.Parallel()
	config := with(harness.StartUpstream(t).Serve(t, shop()), "loging", map[string]any{})
	run := func(args ...string) harness.Result {
		t.Helper()
		return harness.Run(t, harness.Setup{Config: config, Args: append([]string{"config"}, args...), Env: map[string]string{"SERVER_PORT": "8123", "WEBHOOK_SECRET": "hush"}})
	}
	got := run()
	expect(t, got, 0, []string{"SETTING", "hash "}, []string{"warning", "did you mean logging?"})
	for _, line := range []string{
		`server\.port +8123 +variable SERVER_PORT +restart`,
		`environment_key_pairs +\[\{"server_side_key":"ser\.….*"\S* +\S+\.json, line \d+ +live`,
		`webhook\.secret +\*\*\*\* +variable WEBHOOK_SECRET +live`,
		`realtime_url +- +default +restart`,
	} {
		if !regexp.MustCompile(line).MatchString(got.Stdout) {
			t.Errorf("no line %s in\n%s", line, got.Stdout)
		}
	}
	var parsed struct {
		Hash     string
		Settings []struct {
			Key, Source, Reload string
			Value               any
		}
		Ignored, Warnings []string
		RestartNeeded     []string `json:"restart_needed"`
	}
	asJSON := run("--json")
	expect(t, asJSON, 0, []string{"{"}, []string{"warning"})
	if err := json.Unmarshal([]byte(asJSON.Stdout), &parsed); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Stdout, "hash "+parsed.Hash) || len(parsed.Ignored) != 1 || len(parsed.Warnings) != 1 || parsed.RestartNeeded == nil {
		t.Errorf("got %+v", parsed)
	}
	for _, s := range parsed.Settings {
		if s.Key == "server.port" && (s.Value != 8123.0 || s.Source != "variable" || s.Reload != "restart") {
			t.Errorf("server.port is %+v", s)
		}
	}
	for _, output := range []string{got.Stdout, got.Stderr, asJSON.Stdout} {
		if strings.Contains(output, "hush") || strings.Contains(output, serverKey) {
			t.Errorf("a secret is shown in %s", output)
		}
	}
}

func TestConfigRefusesAWrongConfiguration(t *testing.T) {
	t.Parallel()
	config := with(harness.StartUpstream(t).Serve(t, shop()), "server", map[string]any{"port": 70000})
	got := harness.Run(t, harness.Setup{Config: config, Args: []string{"config", "--json"}})
	expect(t, got, 2, nil, []string{"server.port"})
}

func TestVersionAsJSON(t *testing.T) {
	t.Parallel()
	got := harness.Run(t, harness.Setup{Args: []string{"version", "--json"}})
	var build map[string]string
	if err := json.Unmarshal([]byte(got.Stdout), &build); err != nil || got.Code != 0 {
		t.Fatalf("%v, exit code %d", err, got.Code)
	}
	for _, name := range []string{"version", "commit", "date", "go", "platform"} {
		if build[name] == "" {
			t.Errorf("no %s in %v", name, build)
		}
	}
}

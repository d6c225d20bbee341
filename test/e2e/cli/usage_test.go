package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr []string
	}{
		{[]string{"version"}, 0, []string{"edge-proxy ", "commit", "go1."}, nil},
		{[]string{"--version"}, 0, []string{"edge-proxy ", "commit"}, nil},
		{[]string{"help"}, 0, []string{"Usage: edge-proxy [command]", "serve", "validate", "render-config", "health", "version", "CONFIG_PATH", "Exit codes"}, nil},
		{[]string{"--help"}, 0, []string{"Usage: edge-proxy [command]"}, nil},
		{[]string{"-h"}, 0, []string{"Usage: edge-proxy [command]"}, nil},
		{[]string{"serve", "--help"}, 0, []string{"Usage: edge-proxy serve"}, nil},
		{[]string{"validate", "--help"}, 0, []string{"Usage: edge-proxy validate", "-fetch"}, nil},
		{[]string{"health", "--help"}, 0, []string{"Usage: edge-proxy health", "-live", "-url", "-timeout"}, nil},
		{[]string{"render-config", "--help"}, 0, []string{"Usage: edge-proxy render-config", "CONFIG_PATH"}, nil},
		{[]string{"version", "--help"}, 0, []string{"Usage: edge-proxy version"}, nil},
		{[]string{"-v"}, 0, []string{"edge-proxy ", "commit"}, nil},
		{[]string{"-version"}, 0, []string{"edge-proxy ", "commit"}, nil},
		{[]string{"help", "validate"}, 0, []string{"Usage: edge-proxy validate", "--fetch", "--config FILE", "Examples:"}, nil},
		{[]string{"help", "store", "get"}, 0, []string{"Usage: edge-proxy store get KEY", "--stat"}, nil},
		{[]string{"help", "valdate"}, 2, nil, []string{`unknown command "valdate"`, "did you mean validate?"}},
		{[]string{"servee"}, 2, nil, []string{`unknown command "servee"; did you mean serve?`}},
		{[]string{"servee", "--fetch"}, 2, nil, []string{`unknown command "servee"; did you mean serve?`}},
		{[]string{"store", "lisst"}, 2, nil, []string{`unknown command "lisst"; did you mean list?`}},
		{[]string{"--port", "80"}, 2, nil, []string{"--port", "set server.port in the configuration file, or the variable SERVER_PORT"}},
		{[]string{"serve", "--log-level=DEBUG"}, 2, nil, []string{"--log-level", "logging.log_level", "LOGGING_LOG_LEVEL"}},
		{[]string{"completion", "bash"}, 0, []string{"__complete"}, nil},
		{[]string{"__complete", "val"}, 0, []string{"validate"}, []string{"Completion ended"}},
		{[]string{"srve"}, 2, nil, []string{`unknown command "srve"`, "Usage: edge-proxy [command]"}},
		{[]string{"serve", "--nope"}, 2, nil, []string{"nope", "Usage: edge-proxy serve"}},
		{[]string{"--nope"}, 2, nil, []string{"nope"}},
		{[]string{"serve", "extra"}, 2, nil, []string{`unexpected argument "extra"`}},
		{[]string{"validate", "config.json"}, 2, nil, []string{`unexpected argument "config.json"`}},
	} {
		t.Run(tt.args[0], func(t *testing.T) {
			expect(t, harness.Run(t, harness.Setup{Args: tt.args}), tt.code, tt.stdout, tt.stderr)
		})
	}
}

// --config names the file for every command that reads one, before or after the
// command, and takes precedence over CONFIG_PATH.
func TestConfigFlag(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"CONFIG_PATH": "/does/not/exist.json", "SERVER_PORT": "8000"}
	for _, args := range [][]string{{"validate", "--config", path}, {"--config", path, "validate"}, {"validate", "-config=" + path}} {
		expect(t, harness.Run(t, harness.Setup{Args: args, Env: env}), 0, []string{"configuration valid: 1 environment(s)"}, nil)
	}
	written := filepath.Join(t.TempDir(), "new.json")
	expect(t, harness.Run(t, harness.Setup{Args: []string{"render-config", "--config", written}, Env: env}), 0, []string{"environment_key_pairs"}, []string{"wrote " + written})
	for _, args := range [][]string{{"--config", path}, {"serve", "--config", path}} {
		proxy := harness.StartProxy(t, harness.Setup{Args: args, Env: map[string]string{"CONFIG_PATH": "/does/not/exist.json"}})
		proxy.WaitReady(t)
	}
}

package cli_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestUsage(t *testing.T) {
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

package resilience_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Wrong configurations end the start at once: exit code 2, and a line for each
// problem that names the key.
func TestWrongConfigurations(t *testing.T) {
	pair := func(server, client string) map[string]any {
		return map[string]any{"server_side_key": server, "client_side_key": client}
	}
	good := map[string]any{"environment_key_pairs": []any{pair(serverKey, clientKey)}}
	with := func(key string, value any) map[string]any {
		c := maps.Clone(good)
		c[key] = value
		return c
	}
	for _, c := range []struct {
		name  string
		setup harness.Setup
		lines []string // part of each line, in any order
	}{
		{"no keys", harness.Setup{Config: map[string]any{}}, []string{"environment_key_pairs"}},
		{"a client-side key in the place of a server-side key", harness.Setup{Config: map[string]any{"environment_key_pairs": []any{pair("client", "client")}}}, []string{"server_side_key"}},
		{"a blank client-side key", harness.Setup{Config: map[string]any{"environment_key_pairs": []any{pair(serverKey, " ")}}}, []string{"client_side_key"}},
		{"one server-side key for two environments", harness.Setup{Config: map[string]any{"environment_key_pairs": []any{pair(serverKey, "a"), pair(serverKey, "b")}}}, []string{"environment_key_pairs"}},
		{"an address that is not a URL", harness.Setup{Config: with("api_url", "flagsmith")}, []string{"api_url"}},
		{"an interval of nothing", harness.Setup{Config: with("api_poll_frequency_seconds", 0)}, []string{"api_poll_frequency_seconds"}},
		{"a port that does not exist", harness.Setup{Config: with("server", map[string]any{"port": 123456})}, []string{"server.port"}},
		{"a variable that is not a number", harness.Setup{Config: good, Env: map[string]string{"API_POLL_TIMEOUT_SECONDS": "soon"}}, []string{"api_poll_timeout_seconds"}},
		{"an unknown store", harness.Setup{Config: with("store", map[string]any{"url": "filing-cabinet:"})}, []string{"filing-cabinet"}},
		{"a log override that cannot be mapped", harness.Setup{Config: with("logging", map[string]any{"override": map[string]any{"handlers": map[string]any{"mail": map[string]any{"class": "logging.handlers.SMTPHandler"}}}})}, []string{"SMTPHandler"}},
		{"a file that is not JSON", harness.Setup{
			ConfigText: `{"api_poll_frequency_seconds": `, Env: map[string]string{"ENVIRONMENT_KEY_PAIRS": `[{"server_side_key":"` + serverKey + `","client_side_key":"client"}]`},
		}, []string{"config.json"}},
		{"several problems", harness.Setup{Config: map[string]any{
			"environment_key_pairs": []any{pair(serverKey, clientKey)}, "api_poll_frequency_seconds": "often",
			"logging": map[string]any{"log_level": "LOUD"}, "server": map[string]any{"timeout_keep_alive": -1},
		}}, []string{"api_poll_frequency_seconds", "logging.log_level", "server.timeout_keep_alive"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := harness.Run(t, c.setup)
			if got.Code != 2 {
				t.Errorf("exit code %d", got.Code)
			}
			if lines := strings.Count(got.Stderr, "\n"); lines != len(c.lines) {
				t.Errorf("%d lines for %d problems:\n%s", lines, len(c.lines), got.Stderr)
			}
			for _, part := range c.lines {
				if !strings.Contains(got.Stderr, part) {
					t.Errorf("no line mentions %s:\n%s", part, got.Stderr)
				}
			}
		})
	}
}

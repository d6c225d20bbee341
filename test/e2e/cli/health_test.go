package cli_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shop())
	ready := harness.StartProxy(t, harness.Setup{Config: config})
	ready.WaitReady(t)
	// A proxy whose key upstream does not know never has a document.
	unready := harness.StartProxy(t, harness.Setup{Config: with(config, "environment_key_pairs",
		[]map[string]any{{"server_side_key": "ser.unknown_to_upstream", "client_side_key": "c"}})})
	nobody := "http://127.0.0.1:" + strconv.Itoa(harness.FreePort(t))

	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr []string
	}{
		{"ready", []string{"--url", ready.URL}, 0, []string{`200 {"status":"ok"`}, nil},
		{"ready, slash at the end", []string{"--url", ready.URL + "/"}, 0, []string{`200 {"status":"ok"`}, nil},
		{"not ready", []string{"--url", unready.URL}, 1, []string{"503", "not updated"}, nil},
		{"alive though not ready", []string{"--live", "--url", unready.URL}, 0, []string{"200"}, nil},
		{"nothing listens", []string{"--url", nobody}, 1, nil, []string{"nothing listens on 127.0.0.1:", "is the proxy running?"}},
		{"nothing listens, liveness", []string{"--live", "--url", nobody}, 1, nil, []string{"nothing listens on 127.0.0.1:", "is the proxy running?"}},
		{"no address", []string{"--url", "nonsense"}, 2, nil, []string{"--url"}},
		{"no duration", []string{"--timeout", "soon"}, 2, nil, []string{"timeout"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := harness.Run(t, harness.Setup{Args: append([]string{"health"}, tt.args...)})
			expect(t, got, tt.code, tt.stdout, tt.stderr)
		})
	}

	t.Run("where the configuration says", func(t *testing.T) {
		_, port, err := net.SplitHostPort(ready.Address)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"127.0.0.1", "0.0.0.0", "localhost"} {
			got := harness.Run(t, harness.Setup{Args: []string{"health"}, Config: config, Env: map[string]string{"SERVER_HOST": host, "SERVER_PORT": port}})
			expect(t, got, 0, []string{"200"}, nil)
		}
		got := harness.Run(t, harness.Setup{Args: []string{"health"}, Config: config})
		expect(t, got, 2, nil, []string{"--url"}) // the harness's port 0 leads nowhere

		// A file that became wrong changes nothing for the proxy that runs, and is no
		// reason to restart it.
		broken := map[string]any{"environment_key_pairs": "?", "logging": map[string]any{"override": map[string]any{"handlers": 1}}}
		got = harness.Run(t, harness.Setup{Args: []string{"health"}, Config: broken, Env: map[string]string{"SERVER_PORT": port}})
		expect(t, got, 0, []string{"200"}, nil)
	})

	// The probe depends on nothing that the running process does not depend on.
	t.Run("beside a file that is broken or gone", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "mine.json")
		mine := with(config, "server", map[string]any{"host": "127.0.0.1", "port": harness.FreePort(t), "drain_delay_seconds": 0})
		mine["admin"] = map[string]any{"port": harness.FreePort(t)} // it listens, and answers other questions
		text, err := json.Marshal(mine)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"CONFIG_PATH": path}
		proxy := harness.StartProxy(t, harness.Setup{Config: mine, Env: map[string]string{"CONFIG_PATH": path}})
		proxy.WaitReady(t)
		health := func() harness.Result {
			return harness.Run(t, harness.Setup{Args: []string{"health", "--live"}, Config: map[string]any{"server": map[string]any{"host": "h", "port": 1}}, Env: env})
		}
		expect(t, health(), 0, []string{"200"}, nil)
		if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, health(), 0, []string{"200"}, nil)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		expect(t, health(), 0, []string{"200"}, nil)
	})

	t.Run("never through a proxy", func(t *testing.T) {
		got := harness.Run(t, harness.Setup{Args: []string{"health", "--url", ready.URL}, Env: map[string]string{"HTTP_PROXY": nobody, "ALL_PROXY": nobody}})
		expect(t, got, 0, []string{"200"}, nil)
	})
}

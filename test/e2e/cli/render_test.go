package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestRenderConfig(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]harness.Setup{
		"command": {Args: []string{"render-config"}},
		"link":    {Binary: link(t, "edge-proxy-render-config")},
	} {
		t.Run(name, func(t *testing.T) {
			setup.Dir = t.TempDir()
			path := filepath.Join(setup.Dir, "config.json")
			got := harness.Run(t, setup)
			expect(t, got, 0, []string{"environment_key_pairs"}, []string{path, "placeholder"})
			if written := read(t, path); written != got.Stdout {
				t.Errorf("wrote\n%s\nand printed\n%s", written, got.Stdout)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("mode %s", info.Mode())
			}
		})
	}
}

func TestRenderConfigLeavesAFileAsItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := harness.Run(t, harness.Setup{Args: []string{"render-config"}, Env: map[string]string{"CONFIG_PATH": path}})
	expect(t, got, 0, []string{"environment_key_pairs"}, []string{"is there already"})
	if read(t, path) != "mine" {
		t.Error("the file was changed")
	}
}

func TestRenderConfigWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "config.json")
	got := harness.Run(t, harness.Setup{Args: []string{"render-config"}, Env: map[string]string{"CONFIG_PATH": path}})
	expect(t, got, 0, []string{"environment_key_pairs"}, []string{"warning", path})
}

// What render-config writes starts once its placeholders are replaced, which
// until then it asks for.
func TestRenderedConfigurationStarts(t *testing.T) {
	t.Parallel()
	rendered := harness.Run(t, harness.Setup{Args: []string{"render-config"}}).Stdout
	expect(t, harness.Run(t, harness.Setup{ConfigText: rendered}), 2, nil, []string{
		"environment_key_pairs[0].server_side_key is the placeholder", "environment_key_pairs[0].client_side_key is the placeholder",
	})

	upstream := harness.StartUpstream(t)
	upstream.Serve(t, shop())
	replaced := strings.NewReplacer(
		"ser.replace_with_your_server_side_key", serverKey,
		"replace_with_your_client_side_key", clientKey,
		"https://edge.api.flagsmith.com/api/v1", upstream.APIURL(),
	).Replace(rendered)
	proxy := harness.StartProxy(t, harness.Setup{ConfigText: replaced})
	proxy.WaitReady(t)
	if strings.Contains(proxy.Output(), "configuration_warning") {
		t.Errorf("warnings about the default configuration:\n%s", proxy.Output())
	}
}

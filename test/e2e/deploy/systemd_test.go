//go:build deploy

package deploy_test

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// exposure is the highest rating that "systemd-analyze security" may give, times
// ten. A service without hardening gets nearly ten.
const exposure = "14"

// TestUnit lets systemd check the unit, with the program's path on this machine.
func TestUnit(t *testing.T) {
	text := replace(t, readFile(t, directory+"/edge-proxy.service"), "ExecStart=edge-proxy ", "ExecStart="+harness.Binary(t)+" ")
	path := filepath.Join(t.TempDir(), "edge-proxy.service")
	write(t, path, text)
	out, code := tool(t, "systemd-analyze", "verify", "--man=no", path)
	if code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
	for line := range strings.Lines(out) { // older versions only warn
		if strings.Contains(line, filepath.Base(path)) && !strings.Contains(line, "Unknown key 'RefreshOnReload'") { // of version 260
			t.Errorf("verify: %s", line)
		}
	}
	out, code = tool(t, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+exposure, path)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if t.Log(lines[len(lines)-1]); code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}

	for _, line := range []string{"RestartPreventExitStatus=2", "LoadCredential=config.json:/etc/edge-proxy/config.json", "Environment=CONFIG_PATH=%d/config.json", "DynamicUser=yes"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	settings, _, err := config.Load(config.Source{Environ: []string{"ENVIRONMENT_KEY_PAIRS=" + entries()["environment_key_pairs"]}})
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`\nTimeoutStopSec=([0-9]+)\n`).FindStringSubmatch(text)
	if match == nil {
		t.Fatal("TimeoutStopSec is missing")
	}
	if seconds, _ := strconv.ParseFloat(match[1], 64); seconds < timeToStop(settings) {
		t.Errorf("%g s to stop, %g s may be needed", seconds, timeToStop(settings))
	}
}

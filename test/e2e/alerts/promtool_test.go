//go:build deploy

package alerts_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// promtool runs promtool, and fails the test if it fails.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "promtool", arguments...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v (test/e2e/deploy/tools installs it on Debian)\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPrometheusAcceptsTheRules(t *testing.T) {
	promtool(t, "check", "rules", rulesFile)
}

// Each alert fires on series that are made up, and clears.
func TestAlertsOnMadeUpSeries(t *testing.T) {
	const file = "testdata/rules.yaml"
	promtool(t, "test", "rules", file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readRules(t) {
		if !strings.Contains(string(content), `alertname="`+r.Alert+`", alertstate="firing"`) ||
			!strings.Contains(string(content), `severity="`+r.Labels["severity"]+`"`) {
			t.Errorf("no test has %s firing", r.Alert)
		}
	}
}

//go:build deploy

package alerts_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
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

// Prometheus can parse every query of the dashboard: they are checked as rules.
func TestPrometheusAcceptsTheDashboard(t *testing.T) {
	var recorded []map[string]string
	for _, p := range readDashboard(t).Panels {
		for i, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			recorded = append(recorded, map[string]string{"record": fmt.Sprintf("panel_%d_%d", p.ID, i), "expr": expr})
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	content, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "dashboard", "rules": recorded}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

// A Prometheus that has scraped the binary answers every query of the dashboard.
func TestPrometheusAnswersTheDashboard(t *testing.T) {
	const job = "dashboard"
	m := startMonitor(t)
	_, n := one(t, map[string]any{"metrics": map[string]any{"features": true}})
	m.watch(t, job, n)
	replaced := strings.NewReplacer("$job", job, "$instance", ".*", "$environment", ".*", "$__rate_interval", "5m")
	found := 0
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			var answer struct {
				Status, Error string
				Warnings      []string
				Data          struct{ Result []any }
			}
			m.ask(t, "/api/v1/query?query="+url.QueryEscape(replaced.Replace(target.Expr)), &answer)
			if answer.Status != "success" || len(answer.Warnings) > 0 {
				t.Errorf("%s: %s is answered %s %s %v", p.Title, target.Expr, answer.Status, answer.Error, answer.Warnings)
			}
			found += len(answer.Data.Result)
		}
	}
	if found < 50 {
		t.Errorf("all queries together find %d series", found)
	}
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

// Prometheus accepts its configuration of the profile observe, and Compose the profile.
func TestTheProfileObserveIsAccepted(t *testing.T) {
	promtool(t, "check", "config", "--syntax-only", observeConfig)
	command := []string{"docker", "compose"}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() != nil {
		command = []string{"docker-compose"}
	}
	arguments := append(command[1:], "-f", repository+"compose.yaml", "--profile", "observe", "config", "--services")
	output, err := exec.CommandContext(t.Context(), command[0], arguments...).CombinedOutput()
	if err != nil || !strings.Contains(string(output), "tempo") {
		t.Errorf("compose: %v (test/e2e/deploy/tools installs it on Debian)\n%s", err, output)
	}
}

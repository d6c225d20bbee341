// Command gen writes docs/configuration.md from the definitions of the settings,
// docs/commands.md from the help of the commands, docs/logs.md from the table of events,
// docs/metrics.md from the catalogue of metrics, and the dashboard for Grafana from its
// panels, so that none of them can disagree with the program. It copies the alert rules and
// the dashboard into the chart. Run it with `make docs`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	dashboardFile = "deploy/grafana/edge-proxy.json"
	rulesFile     = "deploy/prometheus/rules.yaml"
	// chartFiles has what the chart ships too: Helm reads no files outside of a chart.
	chartFiles = "deploy/helm/edge-proxy/files/"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write() error {
	files := map[string][]byte{
		"configuration.md": reference(), "commands.md": commands(), "logs.md": logs(), "metrics.md": metricsPage(),
		dashboardFile: dashboard(),
	}
	rules, err := os.ReadFile(filepath.Join("docs", rulesFile))
	if err != nil {
		return err
	}
	files[chartFiles+"rules.yaml"], files[chartFiles+"dashboard.json"] = rules, files[dashboardFile]
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("docs", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Command gen writes docs/configuration.md from the definitions of the settings,
// docs/commands.md from the help of the commands, docs/logs.md from the table of events,
// and docs/metrics.md from the catalogue of metrics, so that none of them can disagree
// with the program. Run it with `make docs`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write() error {
	for name, content := range map[string][]byte{
		"configuration.md": reference(), "commands.md": commands(), "logs.md": logs(), "metrics.md": metricsPage(),
	} {
		if err := os.WriteFile(filepath.Join("docs", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

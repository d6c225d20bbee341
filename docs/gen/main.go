// Command gen writes docs/configuration.md from the definitions of the settings,
// so that the reference cannot disagree with the program. Run it with `make
// docs`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	path := filepath.Join("docs", "configuration.md")
	if err := os.WriteFile(path, reference(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

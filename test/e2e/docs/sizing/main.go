// Command sizing puts the figures that `make bench-sweep` prints, read from
// standard input, into the table of docs/scaling.md. `make sizing` runs both.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(filepath.Join("docs", "scaling.md")); err != nil {
		fmt.Fprintln(os.Stderr, "sizing:", err)
		os.Exit(1)
	}
}

func run(page string) error {
	printed, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	table, err := tableOf(string(printed))
	if err != nil {
		return err
	}
	before, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	after, err := replaceTable(string(before), table)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(after), 0o644)
}

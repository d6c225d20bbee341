// Command manual writes the manual pages and completion scripts that packages install to
// a directory: go run ./docs/gen/manual DIR DATE, with the date of the release as in
// 2026-01-02T03:04:05Z.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard/manual"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: manual DIR DATE")
	}
	date, err := time.Parse(time.RFC3339, args[1])
	if err != nil {
		return fmt.Errorf("the date: %w", err)
	}
	return manual.Write(args[0], date)
}

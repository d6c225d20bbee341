// Package manual writes what packages install beside the program: manual pages and
// completion scripts, from the same commands that the program has.
package manual

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
)

// Write writes a page in section 1 of the manual for each command to DIR/man1, compressed,
// and completion scripts for bash, zsh and fish to DIR/completions. Files that are there are
// replaced. date is shown on the pages; the same date makes the same files.
func Write(dir string, date time.Time) error {
	root := commands.Tree(&commands.Program{Stdout: io.Discard, Stderr: io.Discard})
	pages, scripts := filepath.Join(dir, "man1"), filepath.Join(dir, "completions")
	for _, d := range []string{pages, scripts} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	for name, write := range map[string]func(io.Writer) error{
		"edge-proxy":      func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"_edge-proxy":     root.GenZshCompletion,
		"edge-proxy.fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
	} {
		var script bytes.Buffer
		if err := write(&script); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(scripts, name), script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return writePages(root, pages, date.UTC())
}

// writePages writes the pages of a command and of all below it.
func writePages(cmd *cobra.Command, dir string, date time.Time) error {
	if cmd.HasParent() && (!cmd.IsAvailableCommand() || cmd.Parent().Name() == "completion") {
		return nil // help prints other pages, and the pages of completion are long and a library's
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	cmd.InitDefaultHelpFlag()
	cmd.DisableAutoGenTag = true
	var page bytes.Buffer
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &date, Source: "Edge Proxy", Manual: "Edge Proxy"}
	if err := doc.GenMan(cmd, header, &page); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, name+".1.gz"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(file) // without a name and a time: each would make a build differ
	_, err = compressed.Write(page.Bytes())
	if err = errors.Join(err, compressed.Close(), file.Close()); err != nil {
		return err
	}
	for _, below := range cmd.Commands() {
		if err := writePages(below, dir, date); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
)

// commands is the whole of docs/commands.md: the help of each command.
func commands() ([]byte, error) {
	root := standard.Command()
	var out bytes.Buffer
	out.WriteString(`<!-- Written by ` + "`make docs`" + ` from the help of the commands; changes made here are lost. -->

# Commands

What ` + "`edge-proxy COMMAND --help`" + ` prints. ` + "`-fetch` is accepted for `--fetch`" + `, and so is one dash with every other flag.
The program also runs under the names of the Python proxy's scripts: ` + "`edge-proxy-serve` and `edge-proxy-render-config`" + `.
`)
	if err := writeCommand(&out, root); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// writeCommand writes the help of cmd and of the commands below it. That of each
// shell's completion is long and comes from a library, so it is left out.
func writeCommand(out *bytes.Buffer, cmd *cobra.Command) error {
	cmd.InitDefaultHelpFlag()
	var help bytes.Buffer
	cmd.SetOut(&help)
	if err := cmd.Help(); err != nil {
		return fmt.Errorf("the help of %s: %w", cmd.CommandPath(), err)
	}
	fmt.Fprintf(out, "\n## %s\n\n```text\n%s\n```\n", cmd.CommandPath(), strings.TrimSpace(help.String()))
	for _, c := range cmd.Commands() {
		if cmd.Name() == "completion" || !c.IsAvailableCommand() {
			continue
		}
		if err := writeCommand(out, c); err != nil {
			return err
		}
	}
	return nil
}

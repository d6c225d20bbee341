package commands

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// defineJSON adds the flag --json.
func defineJSON(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print one JSON object")
}

// print prints what a command has found or done: value as JSON, or what text writes.
func (p *Program) print(asJSON bool, value any, text func(out io.Writer) error) error {
	if asJSON {
		return printJSON(p.Stdout, value)
	}
	return text(p.Stdout)
}

// report is print for what may be bad, which is then the exit code: the error is
// ErrReported.
func (p *Program) report(asJSON, bad bool, value any, text func(out io.Writer) error) error {
	err := p.print(asJSON, value, text)
	if err == nil && bad {
		err = ErrReported
	}
	return err
}

// printJSON prints one value as indented JSON. Its texts are for people and programs,
// not for a page, so "<" and "&" stay as they are.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

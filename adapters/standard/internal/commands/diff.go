package commands

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/app/inspect"
)

func (p *Program) diff() *cobra.Command {
	var choice documentChoice
	var identities string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "compare two documents by their meaning",
		Long: "Compares two documents by their meaning: features, segments with their rules, overrides and settings. Order,\n" +
			"formatting and timestamps are not differences. The exit code is 1 if the documents differ.\n\n" + placesHelp + "\n\n" +
			"With --identities, identities are evaluated with both documents. Those that see another value, and which values,\n" +
			"are printed.",
		Example: "edge-proxy diff proxy api\nedge-proxy diff history:1 proxy\nedge-proxy diff before.json after.json --identities identities.jsonl --json",
		Args:    operands("A", "B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			documents, err := p.documents(cmd.Context(), choice, args...)
			if err != nil {
				return err
			}
			comparer, err := inspect.NewComparer(documents[0].Source, documents[1].Source)
			if err != nil {
				return err
			}
			if identities != "" {
				if err := p.compareIdentities(comparer, identities); err != nil {
					return err
				}
			}
			result := comparer.Result()
			return p.report(asJSON, result.Different, result, func(out io.Writer) error { return printComparison(out, result) })
		},
	}
	choice.define(cmd)
	cmd.Flags().StringVar(&identities, "identities", "", "`FILE` with identities, one body of a request for /identities a line; - is standard input")
	defineJSON(cmd, &asJSON)
	return cmd
}

// compareIdentities compares what the identities of a file see. Empty lines are left out.
func (p *Program) compareIdentities(comparer *inspect.Comparer, name string) error {
	in := p.Stdin
	if name != "-" {
		file, err := os.Open(p.path(name))
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxIdentityFile)
	number := 0
	for lines.Scan() {
		number++
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		id, err := inspect.ReadIdentity(lines.Text())
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", name, number, err)
		}
		comparer.Identity(number, id)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s, line %d: %w", name, number+1, err)
	}
	return nil
}

package commands

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *Program) storeExport() *cobra.Command {
	var choice readerChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "write all documents to a directory",
		Long: "Writes all documents to the directory DIR, which must be new or empty: each to KEY.json, byte for byte, and what is\n" +
			"known about them to manifest.json. Any store can import it. Documents that cannot be read are left out; the exit code\n" +
			"is 1 then. Leases and other states are not exported.",
		Example: "edge-proxy store export backup",
		Args:    operands("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withReader(cmd.Context(), choice, func(store ports.Reader) error {
				return p.export(cmd.Context(), store, args[0], asJSON)
			})
		},
	}
	choice.define(cmd)
	defineJSON(cmd, &asJSON)
	return cmd
}

func (p *Program) export(ctx context.Context, store ports.Reader, directory string, asJSON bool) error {
	keys, err := store.List(ctx)
	if err != nil {
		return err
	}
	w, err := archive.Create(p.path(directory), time.Now())
	if err != nil {
		return err
	}
	defer w.Close()
	faults := []recordFault{}
	err = eachRecord(ctx, store, keys, w.Add, func(f recordFault) error {
		faults = append(faults, f)
		fmt.Fprintf(p.Stderr, "edge-proxy store: left out: %s: %s\n", f.Key, f.Error)
		return nil
	})
	if err != nil {
		return err
	}
	exported, err := w.Finish()
	if err != nil {
		return err
	}
	return p.report(asJSON, len(faults) > 0, map[string]any{"directory": directory, "exported": exported, "left_out": faults}, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "exported %d document(s) to %s\n", exported, directory)
		return err
	})
}

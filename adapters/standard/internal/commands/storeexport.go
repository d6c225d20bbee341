package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *Program) storeExport() *cobra.Command {
	var choice storeChoice
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "write all documents to a directory",
		Long: "Writes all documents to the directory DIR, which must be new or empty: each to KEY.json, byte for byte, and what is\n" +
			"known about them to manifest.json. Any store can import it. Documents that cannot be read are left out; the exit code\n" +
			"is 1 then. Leases and other states are not exported.",
		Example: "edge-proxy store export backup",
		Args:    operands("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStore(cmd.Context(), choice, Reads, func(store ports.Store) error {
				return p.export(cmd.Context(), store, args[0])
			})
		},
	}
	choice.define(cmd)
	return cmd
}

func (p *Program) export(ctx context.Context, store ports.Store, directory string) error {
	keys, err := store.List(ctx)
	if err != nil {
		return err
	}
	w, err := archive.Create(p.path(directory), time.Now())
	if err != nil {
		return err
	}
	defer w.Close()
	faults := 0
	err = eachRecord(ctx, store, keys, w.Add, func(f recordFault) error {
		faults++
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
	fmt.Fprintf(p.Stdout, "exported %d document(s) to %s\n", exported, directory)
	if faults > 0 {
		return ErrReported
	}
	return nil
}

package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *Program) storeImport() *cobra.Command {
	var choice storeChoice
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "import the documents of such a directory into the store",
		Long: "Imports the documents of the export in the directory DIR, with the times that are known of them. The whole export\n" +
			"is checked first. A record of the store stays as it is when its document was updated, or confirmed by upstream,\n" +
			"after the one in the export; the exit code is 1 then. It may be run again, and beside running proxies: each document\n" +
			"is replaced at once and only if no one else changed it meanwhile.",
		Example: "edge-proxy store import backup --store redis://127.0.0.1:6379",
		Args:    operands("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStore(cmd.Context(), choice, Writes, func(store ports.Store) error {
				export, err := archive.Open(p.path(args[0]))
				if err != nil {
					return err
				}
				defer export.Close()
				for _, e := range export.Entries() {
					if _, err := export.Record(e); err != nil {
						return fmt.Errorf("%w; nothing was imported", err)
					}
				}
				return p.importAll(cmd.Context(), store, export, force, asJSON)
			})
		},
	}
	choice.define(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "replace records of the store that are newer, too")
	defineJSON(cmd, &asJSON)
	return cmd
}

// importAll imports one document after the other and prints what became of each.
func (p *Program) importAll(ctx context.Context, store ports.Store, export *archive.Reader, force, asJSON bool) error {
	became := map[fate]int{}
	fates := map[string]string{}
	for _, e := range export.Entries() {
		r, err := export.Record(e)
		var f fate
		if err == nil {
			f, err = importRecord(ctx, store, r, force)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Key, err)
		}
		became[f]++
		fates[e.Key] = f.String()
		if !asJSON {
			fmt.Fprintf(p.Stdout, "%s: %s\n", e.Key, f)
		}
	}
	result := map[string]any{"documents": fates, "imported": became[imported], "present": became[present], "kept": became[kept]}
	return p.report(asJSON, became[kept] > 0, result, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%d imported, %d there already, %d kept\n", became[imported], became[present], became[kept])
		return err
	})
}

// fate is what became of a document.
type fate int

const (
	imported fate = iota // put into the store
	present              // what the store had
	kept                 // what the store had is newer, and stays
)

func (f fate) String() string {
	switch f {
	case imported:
		return "imported"
	case present:
		return "there already"
	default:
		return "kept, since what the store has is newer; --force replaces it"
	}
}

// attempts is how often a record is tried that others change at the same time.
const attempts = 10

// importRecord brings r into the store, unless it has it or something newer.
func importRecord(ctx context.Context, store ports.Store, r ports.Record, force bool) (fate, error) {
	for range attempts {
		held, err := store.Get(ctx, r.Key)
		switch {
		case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
			held = ports.Record{}
		case err != nil:
			return 0, err
		case !sameDocument(held, r):
			if !force && (later(held.UpdatedAt, r.UpdatedAt) || later(held.CheckedAt, r.CheckedAt)) {
				return kept, nil
			}
		case later(r.CheckedAt, held.CheckedAt):
		case force && later(held.CheckedAt, r.CheckedAt):
		default:
			return present, nil
		}
		_, err = store.Put(ctx, r, held.Version)
		if !errors.Is(err, ports.ErrConflict) {
			return imported, err
		}
	}
	return 0, fmt.Errorf("%w: others changed it %d times meanwhile", ports.ErrConflict, attempts)
}

// sameDocument compares what upstream sent, not when it was confirmed.
func sameDocument(a, b ports.Record) bool {
	return !later(a.UpdatedAt, b.UpdatedAt) && !later(b.UpdatedAt, a.UpdatedAt) && bytes.Equal(a.Body, b.Body)
}

// later compares to the microsecond, which is what all stores keep.
func later(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).After(b.Truncate(time.Microsecond))
}

package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// recordInfo describes a record, in JSON under these names.
type recordInfo struct {
	Key       string    `json:"key"` // as shownKey writes it
	Bytes     int       `json:"bytes"`
	SHA256    string    `json:"sha256"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	Version   string    `json:"version"`
}

func infoOf(r ports.Record) recordInfo {
	return recordInfo{
		Key: shownKey(r.Key), Bytes: len(r.Body), SHA256: archive.Sum(r.Body),
		UpdatedAt: r.UpdatedAt.UTC(), CheckedAt: r.CheckedAt.UTC(), Version: archive.EscapeKey(string(r.Version)),
	}
}

// recordFault is a record that cannot be read.
type recordFault struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

func (p *Program) storeList() *cobra.Command {
	var choice readerChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the documents that the store holds",
		Long: "Lists the documents that the store holds: key, size, updated_at of the document, when upstream last confirmed it,\n" +
			"and the version that the store gave it. Each document is read whole. The exit code is 1 when one cannot be read.",
		Example: "edge-proxy store list\nedge-proxy store list --json --store bolt:///var/lib/edge-proxy/documents.db",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withReader(cmd.Context(), choice, func(store ports.Reader) error {
				return p.list(cmd.Context(), store, asJSON)
			})
		},
	}
	choice.define(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

// list prints JSON at once, a line for each record, and a table at the end.
func (p *Program) list(ctx context.Context, store ports.Reader, asJSON bool) error {
	keys, err := store.List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(table, "KEY\tBYTES\tUPDATED_AT\tCHECKED_AT\tVERSION")
	}
	add := func(value any, row string) error {
		if asJSON {
			return json.NewEncoder(p.Stdout).Encode(value)
		}
		_, err := io.WriteString(table, row)
		return err
	}
	faults := 0
	err = eachRecord(ctx, store, keys, func(record ports.Record) error {
		r := infoOf(record)
		return add(r, fmt.Sprintf("%s\t%d\t%s\t%s\t%s\n", r.Key, r.Bytes, timeText(r.UpdatedAt), timeText(r.CheckedAt), r.Version))
	}, func(f recordFault) error {
		faults++
		return add(f, fmt.Sprintf("%s\t-\t-\t-\t- (%s)\n", f.Key, f.Error))
	})
	err = errors.Join(err, table.Flush())
	if err == nil && faults > 0 {
		err = fmt.Errorf("%d of the documents cannot be read", faults)
	}
	return err
}

// eachRecord calls good for the record under each of keys, one after the other, and
// bad for those that are corrupt. It ends with the first error of either, or of the
// store.
func eachRecord(ctx context.Context, store ports.Reader, keys []domain.EnvironmentKey, good func(ports.Record) error, bad func(recordFault) error) error {
	for _, key := range slices.Sorted(slices.Values(keys)) {
		r, err := store.Get(ctx, key)
		switch {
		case errors.Is(err, ports.ErrNotFound): // deleted since
			continue
		case errors.Is(err, ports.ErrCorrupt):
			err = bad(recordFault{shownKey(key), err.Error()})
		case err == nil:
			err = good(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

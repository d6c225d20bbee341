package commands

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// verified is what came of verifying one document, in JSON under these names.
type verified struct {
	Key       string    `json:"key"` // as shownKey writes it
	OK        bool      `json:"ok"`
	Error     string    `json:"error,omitempty"`
	Bytes     int       `json:"bytes"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	Problems  []string  `json:"problems,omitempty"` // with rules, which are evaluated all the same
}

func (p *Program) storeVerify() *cobra.Command {
	var choice readerChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check that every document of the store can be read and served",
		Long: "Reads every document of the store, checks its checksum, and checks that it is a document of its environment that\n" +
			"can be served. It changes nothing. The exit code is 1 when a document fails.",
		Example: "edge-proxy store verify\nedge-proxy store verify --json --store redis://127.0.0.1:6379",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withReader(cmd.Context(), choice, func(store ports.Reader) error {
				return p.verify(cmd.Context(), store, asJSON)
			})
		},
	}
	choice.define(cmd)
	defineJSON(cmd, &asJSON)
	return cmd
}

func (p *Program) verify(ctx context.Context, store ports.Reader, asJSON bool) error {
	keys, err := store.List(ctx)
	if err != nil {
		return err
	}
	all := []verified{}
	failed := 0
	add := func(v verified) error {
		if !v.OK {
			failed++
		}
		all = append(all, v)
		return nil
	}
	err = eachRecord(ctx, store, keys, func(r ports.Record) error { return add(verifyRecord(r)) }, func(f recordFault) error {
		return add(verified{Key: f.Key, Error: f.Error})
	})
	if err != nil {
		return err
	}
	return p.report(asJSON, failed > 0, map[string]any{"documents": all, "failed": failed}, func(out io.Writer) error {
		return printVerified(out, all, failed)
	})
}

// verifyRecord verifies a document that could be read.
func verifyRecord(r ports.Record) verified {
	v := verified{Key: shownKey(r.Key), Bytes: len(r.Body), UpdatedAt: r.UpdatedAt.UTC()}
	problems, err := inspect.Verify(r)
	if err != nil {
		v.Error = domain.RedactServerKeys(err.Error())
		return v
	}
	for _, problem := range problems {
		v.Problems = append(v.Problems, domain.RedactServerKeys(fmt.Sprint(problem)))
	}
	v.OK = true
	return v
}

func printVerified(out io.Writer, all []verified, failed int) error {
	for _, v := range all {
		if !v.OK {
			fmt.Fprintf(out, "%s: failed: %s\n", v.Key, v.Error)
			continue
		}
		fmt.Fprintf(out, "%s: ok, %d bytes, updated %s, %d problem(s)\n", v.Key, v.Bytes, timeText(v.UpdatedAt), len(v.Problems))
		for _, problem := range v.Problems {
			fmt.Fprintf(out, "  %s\n", problem)
		}
	}
	_, err := fmt.Fprintf(out, "%d document(s), %d failed\n", len(all), failed)
	return err
}

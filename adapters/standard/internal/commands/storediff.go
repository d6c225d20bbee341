package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The words for how a document differs between two stores.
const (
	onlyHere  = "only here"
	onlyThere = "only in the other"
	differs   = "differs"
)

// storeDifference is a document that two stores do not have alike, in JSON under these
// names.
type storeDifference struct {
	Key  string `json:"key"`
	What string `json:"what"`
	// Error says why a document could not be compared.
	Error string `json:"error,omitempty"`
	// Difference is what distinguishes the documents, if both can be read.
	Difference *inspect.Comparison `json:"difference,omitempty"`
}

func (p *Program) storeDiff() *cobra.Command {
	var choice readerChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff OTHER",
		Short: "compare the documents of the store with those of another one, or of an export",
		Long: "Compares the documents of the store with those of OTHER, the URL of another store or the directory of an export, by\n" +
			"their meaning: order, formatting, and when documents were updated or confirmed are not differences. --prefix is that\n" +
			"of both stores. The exit code is 1 if a document differs, is missing on one side or cannot be read.",
		Example: "edge-proxy store diff redis://127.0.0.1:6379\nedge-proxy store diff backup --json",
		Args:    operands("OTHER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			other, err := p.documentsOfOther(cmd.Context(), choice, args[0])
			if err != nil {
				return err
			}
			return p.withReader(cmd.Context(), choice, func(store ports.Reader) error {
				here, err := documentsIn(cmd.Context(), store)
				if err != nil {
					return err
				}
				list := compareStores(here, other)
				return p.report(asJSON, len(list) > 0, map[string]any{"different": len(list) > 0, "documents": list}, func(out io.Writer) error {
					return printStoreDiff(out, list, len(here))
				})
			})
		},
	}
	choice.define(cmd)
	defineJSON(cmd, &asJSON)
	return cmd
}

// storedDocument is a document of a store, or why it cannot be read.
type storedDocument struct {
	body  string
	fault string
}

// documentsOfOther returns the documents of a store or of an export.
func (p *Program) documentsOfOther(ctx context.Context, c readerChoice, other string) (found map[string]storedDocument, err error) {
	if strings.Index(other, ":") > 1 {
		c.url, c.address = other, ""
		err = p.withStored(ctx, c, func(store ports.Reader) error {
			found, err = documentsIn(ctx, store)
			return err
		})
		return found, err
	}
	export, err := archive.Open(p.path(other))
	if err != nil {
		return nil, err
	}
	defer export.Close()
	found = map[string]storedDocument{}
	for _, e := range export.Entries() {
		record, err := export.Record(e)
		if err != nil {
			found[e.Key] = storedDocument{fault: err.Error()}
			continue
		}
		found[shownKey(record.Key)] = storedDocument{body: string(record.Body)}
	}
	return found, nil
}

func documentsIn(ctx context.Context, store ports.Reader) (map[string]storedDocument, error) {
	keys, err := store.List(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]storedDocument{}
	err = eachRecord(ctx, store, keys, func(r ports.Record) error {
		found[shownKey(r.Key)] = storedDocument{body: string(r.Body)}
		return nil
	}, func(f recordFault) error {
		found[f.Key] = storedDocument{fault: f.Error}
		return nil
	})
	return found, err
}

// compareStores returns the documents that two stores do not have alike, by key.
func compareStores(here, there map[string]storedDocument) []storeDifference {
	all := maps.Clone(there)
	maps.Copy(all, here)
	list := []storeDifference{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		a, isHere := here[key]
		b, isThere := there[key]
		d := storeDifference{Key: key, What: differs}
		switch {
		case !isThere:
			d.What = onlyHere
		case !isHere:
			d.What = onlyThere
		case a.fault != "" || b.fault != "":
			d.Error = faultsOf(a, b)
		case a.body == b.body:
			continue
		default:
			comparer, err := inspect.NewComparer(inspect.Source{Name: "here", Text: a.body}, inspect.Source{Name: "in the other", Text: b.body})
			if err != nil {
				d.Error = domain.RedactServerKeys(err.Error())
				break
			}
			if d.Difference = comparer.Result(); !d.Difference.Different {
				continue
			}
		}
		list = append(list, d)
	}
	return list
}

// faultsOf says which of two documents cannot be read.
func faultsOf(here, there storedDocument) string {
	switch {
	case there.fault == "":
		return "here: " + here.fault
	case here.fault == "":
		return "in the other: " + there.fault
	default:
		return "here: " + here.fault + "; in the other: " + there.fault
	}
}

// printStoreDiff prints what differs for people; documents is how many were compared.
func printStoreDiff(out io.Writer, list []storeDifference, documents int) (err error) {
	for _, d := range list {
		fmt.Fprintf(out, "%s: %s\n", d.Key, strings.TrimSuffix(d.What+": "+d.Error, ": "))
		if d.Difference != nil {
			err = errors.Join(err, printComparison(out, d.Difference))
		}
	}
	if len(list) == 0 {
		_, err = fmt.Fprintf(out, "no difference between %d document(s)\n", documents)
	}
	return err
}

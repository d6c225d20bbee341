package standard

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *program) storeExport(ctx context.Context, args []string) int {
	flags := newFlags("store export")
	var choice storeChoice
	choice.define(flags)
	var directory string
	if code, ok := p.parse(flags, args, "Writes all documents to the directory DIR, which must be new or empty: each to KEY.json, byte for byte, and what is\n"+
		"known about them to manifest.json. Any store can import it. Documents that cannot be read are left out; the exit code\n"+
		"is 1 then. Leases and other states are not exported.", operand{"DIR", &directory}); !ok {
		return code
	}
	return p.withStore(ctx, choice, readsOnly, func(store ports.Store) int {
		keys, err := store.List(ctx)
		if err != nil {
			return p.storeFailed(err)
		}
		w, err := archive.Create(p.path(directory), time.Now())
		if err != nil {
			return p.storeFailed(err)
		}
		defer w.Close()
		faults := 0
		err = eachRecord(ctx, store, keys, w.Add, func(f recordFault) error {
			faults++
			fmt.Fprintf(p.Stderr, "edge-proxy store: left out: %s: %s\n", f.Key, f.Error)
			return nil
		})
		exported := 0
		if err == nil {
			exported, err = w.Finish()
		}
		if err != nil {
			return p.storeFailed(err)
		}
		fmt.Fprintf(p.Stdout, "exported %d document(s) to %s\n", exported, directory)
		if faults > 0 {
			return exitFailure
		}
		return exitOK
	})
}

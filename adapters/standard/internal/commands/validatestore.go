package commands

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/doctor"
)

// storePatience bounds a whole trial of a store.
const storePatience = 20 * time.Second

// tryStore opens the store of s, does what serving needs, removes what it wrote, and
// prints what came of it. Its error says that the store is not usable.
func (p *Program) tryStore(ctx context.Context, s config.Store) error {
	if s.URL.Parse().Scheme == insideProcess {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	began := time.Now()
	// Without an answer of its own, a store would log what the error says too.
	store, err := p.Wiring.OpenStore(ctx, s, Tries, slog.New(slog.DiscardHandler))
	if err == nil {
		err = doctor.TryStore(ctx, store)
		if closing := store.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		fmt.Fprintf(p.Stdout, "store %s: failed: %v\n", s.URL, err)
		return ErrReported
	}
	fmt.Fprintf(p.Stdout, "store %s: ok, written and read back in %s\n", s.URL, time.Since(began).Round(time.Millisecond))
	return nil
}

package commands

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/doctor"
)

// storePatience bounds a whole trial of a store.
const storePatience = 20 * time.Second

// triedStore is what came of trying a store, in JSON under these names.
type triedStore struct {
	URL          string `json:"url"`
	OK           bool   `json:"ok"`
	Error        string `json:"error,omitempty"`
	Milliseconds int64  `json:"milliseconds"`
}

// tryStore opens the store of s, does what serving needs and removes what it wrote. It
// returns nil for the store that is inside its process.
func (p *Program) tryStore(ctx context.Context, s config.Store) *triedStore {
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
	tried := &triedStore{URL: s.URL.String(), OK: err == nil, Milliseconds: time.Since(began).Milliseconds()}
	if err != nil {
		tried.Error = err.Error()
	}
	return tried
}

func (s *triedStore) print(out io.Writer) error {
	if !s.OK {
		_, err := fmt.Fprintf(out, "store %s: failed: %s\n", s.URL, s.Error)
		return err
	}
	_, err := fmt.Fprintf(out, "store %s: ok, written and read back in %s\n", s.URL, time.Duration(s.Milliseconds)*time.Millisecond)
	return err
}

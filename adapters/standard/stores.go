package standard

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/ports"
)

// backend is how stores of one URL scheme are opened.
type backend struct {
	open ports.OpenStore
	// existing is for commands that only read, where open creates a missing store, which
	// would answer the question what is in it wrongly; nil: open is.
	existing ports.OpenStore
	// trial is for stores that are tried only, where open leaves a new store behind; nil:
	// open is.
	trial ports.OpenStore
	check func(*url.URL) error // of a URL, opens no store; nil: any is right
}

// builtInStores returns the backends by URL scheme, in a new map.
func builtInStores() map[string]backend {
	stores := map[string]backend{memory.Scheme: {open: memory.Open, check: memory.CheckURL}}
	for _, scheme := range bolt.Schemes() {
		stores[scheme] = backend{bolt.Open, bolt.OpenExisting, bolt.OpenTrial, bolt.CheckURL}
	}
	for _, scheme := range redis.Schemes() {
		stores[scheme] = backend{open: redis.Open, check: redis.CheckURL}
	}
	return stores
}

// OpenStore implements commands.Wiring.
func (w *wiring) OpenStore(ctx context.Context, s config.Store, a commands.Access, logger *slog.Logger) (ports.Store, error) {
	u := s.URL.Parse()
	backend := w.stores[u.Scheme]
	open := backend.open
	switch {
	case a == commands.Reads && backend.existing != nil:
		open = backend.existing
	case a == commands.Tries && backend.trial != nil:
		open = backend.trial
	}
	store, err := open(ctx, u, ports.StoreDeps{Now: time.Now, Logger: logger, Prefix: s.Prefix, ReadFile: os.ReadFile})
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", s.URL, err)
	}
	return store, nil
}

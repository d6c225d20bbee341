package standard

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/ports"
)

// builtInStores returns the stores by URL scheme, a new map each time.
func builtInStores() map[string]ports.OpenStore {
	stores := map[string]ports.OpenStore{memory.Scheme: memory.Open}
	for _, scheme := range bolt.Schemes() {
		stores[scheme] = bolt.Open
	}
	for _, scheme := range redis.Schemes() {
		stores[scheme] = redis.Open
	}
	return stores
}

// readOnlyStores returns how stores are opened by commands that only read, by URL
// scheme: those whose usual way of opening begins an empty store where there is
// none, which is no answer to somebody who asks what is in it.
func readOnlyStores() map[string]ports.OpenStore {
	stores := map[string]ports.OpenStore{}
	for _, scheme := range bolt.Schemes() {
		stores[scheme] = bolt.OpenExisting
	}
	return stores
}

// unknownSchemeError is a store.url that no store answers to.
type unknownSchemeError struct {
	scheme string
	known  []string
}

func (e *unknownSchemeError) Error() string {
	return fmt.Sprintf("store.url has the unknown scheme %q, must begin with one of %s", e.scheme, strings.Join(e.known, ", "))
}

// opener finds the store that the settings name.
func (p *program) opener(s config.Settings) (ports.OpenStore, *url.URL, error) {
	u := s.Store.URL.Parse()
	open, ok := p.stores[u.Scheme]
	if !ok {
		known := slices.Sorted(maps.Keys(p.stores))
		for i := range known {
			known[i] += ":"
		}
		return nil, nil, &unknownSchemeError{u.Scheme, known}
	}
	return open, u, nil
}

func openStore(ctx context.Context, open ports.OpenStore, u *url.URL, s config.Settings, logger *slog.Logger) (ports.Store, error) {
	store, err := open(ctx, u, ports.StoreDeps{Now: time.Now, Logger: logger, Prefix: s.Store.Prefix, ReadFile: os.ReadFile})
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", s.Store.URL, err)
	}
	return store, nil
}

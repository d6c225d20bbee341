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

// builtInStores returns the stores by URL scheme, in a new map.
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

// storeURLChecks returns the checks of URLs that open no store, by URL scheme.
func storeURLChecks() map[string]func(*url.URL) error {
	checks := map[string]func(*url.URL) error{memory.Scheme: memory.CheckURL}
	for _, scheme := range bolt.Schemes() {
		checks[scheme] = bolt.CheckURL
	}
	for _, scheme := range redis.Schemes() {
		checks[scheme] = redis.CheckURL
	}
	return checks
}

// readOnlyStores returns how commands that only read open stores, by URL
// scheme. A scheme is listed when its usual way of opening creates a missing store,
// which would answer the question what is in it wrongly.
func readOnlyStores() map[string]ports.OpenStore {
	stores := map[string]ports.OpenStore{}
	for _, scheme := range bolt.Schemes() {
		stores[scheme] = bolt.OpenExisting
	}
	return stores
}

// trialStores returns how stores are opened that are tried only, by URL scheme. A
// scheme is listed when its usual way of opening leaves a new store behind.
func trialStores() map[string]ports.OpenStore {
	stores := map[string]ports.OpenStore{}
	for _, scheme := range bolt.Schemes() {
		stores[scheme] = bolt.OpenTrial
	}
	return stores
}

// OpenStore implements commands.Wiring.
func (w *wiring) OpenStore(ctx context.Context, s config.Store, a commands.Access, logger *slog.Logger) (ports.Store, error) {
	u := s.URL.Parse()
	open := w.stores[u.Scheme]
	special := map[commands.Access]map[string]ports.OpenStore{commands.Reads: w.readOnly, commands.Tries: w.trials}
	if other, ok := special[a][u.Scheme]; ok {
		open = other
	}
	store, err := open(ctx, u, ports.StoreDeps{Now: time.Now, Logger: logger, Prefix: s.Prefix, ReadFile: os.ReadFile})
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", s.URL, err)
	}
	return store, nil
}

package app

import (
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Guard puts the store's guard in front of a store, for tests.
func Guard(store ports.Store, node string, interval func() time.Duration, now func() time.Time, logger *slog.Logger) ports.Store {
	return guard(store, guardOptions{node: node, interval: interval, now: now, logger: logger, observer: nobody{}, recent: NewRecent(now)})
}

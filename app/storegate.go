package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// storePause is how long nobody asks a store that was found unavailable.
const storePause = 2 * time.Second

// storeGate keeps all environments from waiting, one after the other, for a store
// that does not answer: after one was told ErrUnavailable the others are told so
// at once for a while. It also logs the store's going and coming once each.
type storeGate struct {
	now    func() time.Time
	logger *slog.Logger

	mu    sync.Mutex
	until time.Time // closed until then
	away  bool
}

// do calls f unless the gate is closed. It returns f's error.
func (g *storeGate) do(ctx context.Context, f func() error) error {
	g.mu.Lock()
	closed := g.now().Before(g.until)
	g.mu.Unlock()
	if closed {
		return ports.ErrUnavailable
	}
	err := f()
	if ctx.Err() != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch unavailable := errors.Is(err, ports.ErrUnavailable); {
	case unavailable:
		g.until = g.now().Add(storePause)
		if !g.away {
			g.away = true
			g.logger.WarnContext(ctx, "store_unavailable", "error", err, "effect", "serving from memory, polling upstream from this node")
		}
	case g.away && !errors.Is(err, ports.ErrClosed):
		g.away = false
		g.logger.InfoContext(ctx, "store_available")
	}
	return err
}

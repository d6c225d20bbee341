package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// storePause is how long nobody asks a store that was found unavailable.
	storePause = 2 * time.Second
	// storeWait bounds a call of the store, and documentWait one that transfers
	// a document. A store that never answers must not keep a keeper from polling.
	storeWait, documentWait = 5 * time.Second, 15 * time.Second
)

// storeGate keeps all environments from waiting, one after the other, for a store
// that does not answer: after one was told ErrUnavailable the others are told so
// at once for a while, and then one finds out for all. It also logs the store's
// going and coming once each.
type storeGate struct {
	now    func() time.Time
	logger *slog.Logger

	mu    sync.Mutex
	until time.Time // closed until then
	away  bool
}

// do calls f with a context that ends after wait, unless the gate is closed. It
// returns f's error, ErrUnavailable when that took too long.
func (g *storeGate) do(ctx context.Context, wait time.Duration, f func(context.Context) error) error {
	if !g.enter() {
		return ports.ErrUnavailable
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := f(bounded)
	if ctx.Err() != nil {
		return err
	}
	if err != nil && bounded.Err() != nil {
		err = fmt.Errorf("%w: no answer within %v", ports.ErrUnavailable, wait)
	}
	g.note(ctx, err)
	return err
}

// enter reports whether the store may be asked now.
func (g *storeGate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	// A clock that was set back does not keep the gate closed.
	if rest := g.until.Sub(now); rest > 0 && rest <= storePause {
		return false
	}
	if g.away {
		g.until = now.Add(storePause)
	}
	return true
}

func (g *storeGate) note(ctx context.Context, err error) {
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
		g.away, g.until = false, time.Time{}
		g.logger.InfoContext(ctx, "store_available")
	}
}

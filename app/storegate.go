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
	// longestPause is how long nobody asks a store that was found unavailable, or
	// a quarter of the poll interval where that is less: once it is back, one node
	// is to poll again within an interval.
	longestPause = 2 * time.Second
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

	mu      sync.Mutex
	pause   time.Duration
	until   time.Time // closed until then
	away    bool
	probing bool // one caller is finding out whether the store is back
}

func newStoreGate(now func() time.Time, logger *slog.Logger, interval time.Duration) *storeGate {
	g := &storeGate{now: now, logger: logger}
	g.setInterval(interval)
	return g
}

// setInterval changes the poll interval that the pause depends on.
func (g *storeGate) setInterval(interval time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pause = min(longestPause, interval/4)
}

// do calls f with a context that ends after wait, unless the store is away. It
// returns f's error, ErrUnavailable when that took too long.
func (g *storeGate) do(ctx context.Context, wait time.Duration, f func(context.Context) error) error {
	if g.isAway() {
		return ports.ErrUnavailable
	}
	return g.call(ctx, wait, f)
}

// isAway reports whether the store was found unavailable, and not available since.
func (g *storeGate) isAway() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away
}

// probe is do for a call that writes. It is let through to find out whether the
// store is back: a store that is full would still answer one that reads.
func (g *storeGate) probe(ctx context.Context, wait time.Duration, f func(context.Context) error) error {
	probes, ok := g.enter()
	if !ok {
		return ports.ErrUnavailable
	}
	if probes {
		defer g.probed()
	}
	return g.call(ctx, wait, f)
}

func (g *storeGate) call(ctx context.Context, wait time.Duration, f func(context.Context) error) error {
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

// enter reports whether the store may be asked now, and whether that is to find out
// for all.
func (g *storeGate) enter() (probes, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	// A clock that was set back does not keep the gate closed.
	if rest := g.until.Sub(now); rest > 0 && rest <= g.pause {
		return false, false
	}
	if !g.away {
		return false, true
	}
	if g.probing {
		return false, false
	}
	g.probing = true
	return true, true
}

func (g *storeGate) probed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
}

func (g *storeGate) note(ctx context.Context, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch unavailable := errors.Is(err, ports.ErrUnavailable); {
	case unavailable:
		g.until = g.now().Add(g.pause)
		if !g.away {
			g.away = true
			g.logger.WarnContext(ctx, "store_unavailable", "error", err, "effect", "serving from memory, polling upstream from this node")
		}
	case g.away && g.probing && !errors.Is(err, ports.ErrClosed):
		g.away, g.until = false, time.Time{}
		g.logger.InfoContext(ctx, "store_available")
	}
}

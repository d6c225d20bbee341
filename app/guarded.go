package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/outage"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// longestPause is how long a store that was found unavailable is not called, or
	// a quarter of the poll interval where that is less: once it is back, one node
	// is to poll again within an interval.
	longestPause = 2 * time.Second
	// storeWait bounds a call of the store, and documentWait one that transfers
	// a document. A store that never answers must not keep a keeper from polling.
	storeWait, documentWait = 5 * time.Second, 15 * time.Second
	// probeName is the name of the lease, or of the state, by which a guardedStore finds out
	// whether the store is back.
	probeName = "availability"
)

// errNotCalled is returned instead of calling a store that is away.
var errNotCalled = fmt.Errorf("%w: %w", ports.ErrUnavailable, reporting.ErrNotCalled)

// storeTimeout is the error of a call of the store that took too long. It is
// ports.ErrUnavailable and context.DeadlineExceeded.
type storeTimeout struct{ after time.Duration }

func (e *storeTimeout) Error() string {
	return fmt.Sprintf("%v: no answer within %v", ports.ErrUnavailable, e.after)
}

// Unwrap returns what the error is.
func (e *storeTimeout) Unwrap() []error {
	return []error{ports.ErrUnavailable, context.DeadlineExceeded}
}

// guardedStore is a ports.Store that bounds the time that each call of another one
// takes, and does not call that one while it is away.
//
// All environments share one store. After one call has returned ErrUnavailable, all
// calls return it at once for a while, so that environments do not wait for the store
// one after the other. After that, one caller finds out for all whether it is back.
// What an outage logs is in package outage.
type guardedStore struct {
	ports.Store
	guardOptions

	mu      sync.Mutex
	until   time.Time     // not called before then, while away
	outage  outage.Outage // lasts while away
	probing bool          // one caller is finding out whether the store is back
	closed  bool
	since   time.Time // of being away or not; zero when it was never away
	reason  error     // why it is away
}

var (
	_ ports.Store     = (*guardedStore)(nil)
	_ ports.Exclusive = (*guardedStore)(nil)
)

// guardOptions are what a guardedStore needs in addition to the store. interval returns the
// poll interval in force, and node names this process among those that share the store.
type guardOptions struct {
	node     string
	interval func() time.Duration
	now      func() time.Time
	logger   *slog.Logger
	observer Observer
	recent   *Recent
}

// guard returns a guardedStore in front of store.
func guard(store ports.Store, o guardOptions) *guardedStore {
	return &guardedStore{Store: store, guardOptions: o}
}

// pause returns the time between two attempts at a store that is away.
func (g *guardedStore) pause() time.Duration { return min(longestPause, g.interval()/4) }

// status returns whether the store is away.
func (g *guardedStore) status() StoreStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := StoreStatus{Up: !g.outage.Lasts(), Since: g.since}
	if !s.Up {
		s.Error = g.reason.Error()
	}
	return s
}

// Exclusive implements ports.Exclusive: it reports what the guarded store does.
func (g *guardedStore) Exclusive() bool { return exclusive(g.Store) }

// exclusive reports whether no other process uses a store.
func exclusive(store ports.Store) bool {
	own, ok := store.(ports.Exclusive)
	return ok && own.Exclusive()
}

// Get implements ports.Reader.
func (g *guardedStore) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return ask(ctx, g, StoreGet, documentWait, func(ctx context.Context) (ports.Record, error) { return g.Store.Get(ctx, key) })
}

// Stat implements ports.Reader.
func (g *guardedStore) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return ask(ctx, g, StoreGet, storeWait, func(ctx context.Context) (ports.Record, error) { return g.Store.Stat(ctx, key) })
}

// List implements ports.Reader.
func (g *guardedStore) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	return ask(ctx, g, StoreList, storeWait, func(ctx context.Context) ([]domain.EnvironmentKey, error) { return g.Store.List(ctx) })
}

// Put implements ports.Writer.
func (g *guardedStore) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	return ask(ctx, g, StorePut, documentWait, func(ctx context.Context) (ports.Version, error) { return g.Store.Put(ctx, r, ifVersion) })
}

// Touch implements ports.Writer.
func (g *guardedStore) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return g.do(ctx, StorePut, storeWait, func(ctx context.Context) error { return g.Store.Touch(ctx, key, v, checkedAt) })
}

// Delete implements ports.Writer. It calls the store even while that is away: an
// environment is removed once, and a store without room for a document may well be
// able to delete one.
func (g *guardedStore) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return g.call(ctx, StorePut, storeWait, func(ctx context.Context) error { return g.Store.Delete(ctx, key) })
}

// TryLeases implements ports.Leaser.
func (g *guardedStore) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	return ask(ctx, g, StoreLease, storeWait, func(ctx context.Context) ([]ports.Lease, error) { return g.Store.TryLeases(ctx, claims, holder, ttl) })
}

// Leases implements ports.Leaser.
func (g *guardedStore) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	return ask(ctx, g, StoreLease, storeWait, func(ctx context.Context) ([]ports.Lease, error) { return g.Store.Leases(ctx, names) })
}

// DropLeases implements ports.Leaser.
func (g *guardedStore) DropLeases(ctx context.Context, names []string, holder string) error {
	return g.do(ctx, StoreLease, storeWait, func(ctx context.Context) error { return g.Store.DropLeases(ctx, names, holder) })
}

// GetState implements ports.Stater.
func (g *guardedStore) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = g.do(ctx, StoreSpool, storeWait, func(ctx context.Context) error {
		value, v, err = g.Store.GetState(ctx, name)
		return err
	})
	return value, v, err
}

// PutState implements ports.Stater.
func (g *guardedStore) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	return ask(ctx, g, StoreSpool, storeWait, func(ctx context.Context) (ports.Version, error) { return g.Store.PutState(ctx, name, value, ifVersion) })
}

// ExpireState implements ports.Stater.
func (g *guardedStore) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return g.do(ctx, StoreSpool, storeWait, func(ctx context.Context) error { return g.Store.ExpireState(ctx, name, lasts) })
}

// Close implements ports.Store.
func (g *guardedStore) Close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	return g.Store.Close()
}

// do calls f with a context that ends after wait, unless the store is away. It
// returns f's error, or ErrUnavailable when f took too long.
func (g *guardedStore) do(ctx context.Context, o StoreOperation, wait time.Duration, f func(context.Context) error) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	return g.call(ctx, o, wait, f)
}

// ask is do for a call with a result.
func ask[T any](ctx context.Context, g *guardedStore, o StoreOperation, wait time.Duration, f func(context.Context) (T, error)) (result T, err error) {
	err = g.do(ctx, o, wait, func(ctx context.Context) error {
		result, err = f(ctx)
		return err
	})
	return result, err
}

func (g *guardedStore) call(ctx context.Context, o StoreOperation, wait time.Duration, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	began := g.now()
	err := f(bounded)
	if ctx.Err() != nil {
		return err
	}
	if err != nil && bounded.Err() != nil {
		err = &storeTimeout{wait}
	}
	g.observer.StoreCalled(o, err, g.now().Sub(began))
	if errors.Is(err, ports.ErrUnavailable) {
		g.leave(ctx, err)
	}
	return err
}

// enter returns why the store must not be called now, if so. When the store has been
// away for long enough, it first finds out whether it is back.
func (g *guardedStore) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if !g.outage.Lasts() || g.closed {
		g.mu.Unlock()
		return nil
	}
	rest, longest := g.until.Sub(g.now()), g.pause()
	if rest > 0 && rest <= longest || g.probing { // rest is longer when the clock was set back
		g.mu.Unlock()
		return errNotCalled
	}
	g.probing = true
	g.mu.Unlock()
	err := g.probe(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	if err == nil {
		g.until, g.since = time.Time{}, g.now()
		g.recent.Add("store_available", "", "The store answers again.")
		if was, ended := g.outage.End(); ended {
			g.logger.InfoContext(ctx, "store_available", was.After(g.since)...)
		}
	}
	return err
}

// probe finds out whether the store is back. It writes, because a store whose disk is full or
// read-only still answers reads: a lease, which is in the store where processes share it, or a
// state, where the store may keep its leases in memory.
func (g *guardedStore) probe(ctx context.Context) error {
	if !g.Exclusive() {
		return g.call(ctx, StoreLease, storeWait, func(ctx context.Context) error {
			_, _, err := ports.TryLease(ctx, g.Store, probeName, g.node, time.Millisecond)
			return err
		})
	}
	return g.call(ctx, StoreSpool, storeWait, func(ctx context.Context) error {
		_, version, err := g.Store.GetState(ctx, probeName)
		if err == nil || missing(err) {
			_, err = g.Store.PutState(ctx, probeName, []byte(g.node), version)
		}
		return err
	})
}

// leave notes that the store is away.
func (g *guardedStore) leave(ctx context.Context, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, pause := g.now(), g.pause()
	g.until, g.reason = now.Add(pause), err
	if !g.outage.Lasts() {
		g.since = now
		g.recent.Add("store_unavailable", "", "The store does not answer: "+err.Error())
	}
	if g.outage.Failed(now, "") {
		list := []any{"error", err, "effect", "serving from memory, polling upstream from this node"}
		list = append(list, g.outage.Summary().Attributes()...)
		g.logger.WarnContext(ctx, "store_unavailable", append(list, "next_try", pause.String())...)
	}
}

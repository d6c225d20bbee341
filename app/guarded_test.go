package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// TestGuardedStoreConforms runs the contract of stores through the guard.
func TestGuardedStoreConforms(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Shared:  true,
		Durable: true,
		New: func(*testing.T) storetest.Backend {
			backend, line := sharedmemory.New(), newWire()
			var passed atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			return storetest.Backend{
				Open: func(t *testing.T) ports.Store {
					store, err := backend.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: now, Logger: slog.New(slog.DiscardHandler)})
					if err != nil {
						t.Fatal(err)
					}
					return app.Guard(behind{store, line}, "node", func() time.Duration { return 4 * time.Millisecond }, now, slog.New(slog.DiscardHandler))
				},
				Wipe:    func(*testing.T) { backend.Wipe() },
				Break:   func(*testing.T) { line.cut() },
				Mend:    func(*testing.T) { line.mend() },
				Now:     now,
				Advance: func(d time.Duration) { passed.Add(int64(d)) },
			}
		},
	})
}

// TestGuardedStoreIsProbedByOneCaller: while the store is away it is called once in
// each pause, however many ask.
func TestGuardedStoreIsProbedByOneCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newWire()
		log := newJournal()
		s := app.Guard(behind{handle(t, sharedmemory.New()), line}, "node", func() time.Duration { return 10 * time.Second }, time.Now, slog.New(log))
		line.cut()
		callMany := func() {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if _, err := s.Stat(t.Context(), key); !errors.Is(err, ports.ErrUnavailable) {
						t.Errorf("Stat while the store is away: %v", err)
					}
				})
			}
			all.Wait()
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Stat: %v", err)
		}
		for range 5 {
			before := line.calls()
			callMany()
			if n := line.calls() - before; n != 0 {
				t.Errorf("%d calls of a store that was away a moment ago", n)
			}
			pass(2 * time.Second)
			callMany()
			if n := line.calls() - before; n != 1 {
				t.Errorf("%d calls after the pause, want one that finds out for all", n)
			}
		}
		line.mend()
		pass(2 * time.Second)
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, ports.ErrNotFound) {
			t.Errorf("Stat when the store is back: %v", err)
		}
		if away, back := log.named("store_unavailable"), log.named("store_available"); len(away) != 1 || len(back) != 1 {
			t.Errorf("logged %d times that the store went away, %d times that it is back; want one each", len(away), len(back))
		}
	})
}

// A store of one process that cannot write, as bbolt on a disk that has become read-only, is
// away until it can, although it answers reads and has its leases in memory.
func TestGuardedStoreThatCannotWriteIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unwritable{Store: handle(t, sharedmemory.New())}
		log := newJournal()
		s := app.Guard(store, "node", func() time.Duration { return 10 * time.Second }, time.Now, slog.New(log))
		version := ports.Version("")
		put := func() (err error) {
			next, err := s.Put(t.Context(), ports.Record{Key: key, Body: []byte("{}"), CheckedAt: time.Now()}, version)
			if err == nil {
				version = next
			}
			return err
		}
		for range 2 { // and again, as then the store has what the first attempts have written
			store.fails.Store(true)
			if err := put(); !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("Put: %v", err)
			}
			for range 5 {
				pass(2 * time.Second)
				if _, _, err := s.GetState(t.Context(), "state"); !errors.Is(err, ports.ErrUnavailable) {
					t.Errorf("GetState while the store cannot write: %v", err)
				}
			}
			store.fails.Store(false)
			pass(2 * time.Second)
			if err := put(); err != nil {
				t.Errorf("Put when the store can write again: %v", err)
			}
		}
		if away, back := log.named("store_unavailable"), log.named("store_available"); len(away) != 2 || len(back) != 2 {
			t.Errorf("logged %d times that the store went away, %d times that it is back; want two each", len(away), len(back))
		}
	})
}

// unwritable is a store of one process, whose records and states cannot be written while fails
// is set.
type unwritable struct {
	ports.Store
	fails atomic.Bool
}

func (*unwritable) Exclusive() bool { return true }

func (s *unwritable) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if s.fails.Load() {
		return "", ports.ErrUnavailable
	}
	return s.Store.Put(ctx, r, v)
}

func (s *unwritable) PutState(ctx context.Context, name string, value []byte, v ports.Version) (ports.Version, error) {
	if s.fails.Load() {
		return "", ports.ErrUnavailable
	}
	return s.Store.PutState(ctx, name, value, v)
}

// wire is the way to a store. It can be cut.
type wire struct {
	mu     sync.Mutex
	broken chan struct{} // closed while the wire is cut
	n      int
}

func newWire() *wire { return &wire{broken: make(chan struct{})} }

func (l *wire) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.broken)
}

func (l *wire) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = make(chan struct{})
}

func (l *wire) calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// use counts a call, and returns what is closed when the wire is cut.
func (l *wire) use(ctx context.Context) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	select {
	case <-l.broken:
		if ctx.Err() == nil {
			return nil, ports.ErrUnavailable
		}
	default:
	}
	return l.broken, nil
}

// behind is a store behind a wire.
type behind struct {
	ports.Store
	wire *wire
}

func (s behind) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return ports.Record{}, err
	}
	return s.Store.Get(ctx, key)
}

func (s behind) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return ports.Record{}, err
	}
	return s.Store.Stat(ctx, key)
}

func (s behind) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return nil, err
	}
	return s.Store.List(ctx)
}

func (s behind) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return "", err
	}
	return s.Store.Put(ctx, r, v)
}

func (s behind) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
	if _, err := s.wire.use(ctx); err != nil {
		return err
	}
	return s.Store.Touch(ctx, key, v, at)
}

func (s behind) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	if _, err := s.wire.use(ctx); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s behind) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	broken, err := s.wire.use(ctx)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var cut sync.WaitGroup
	cut.Go(func() {
		select {
		case <-broken:
			stop(ports.ErrUnavailable)
		case <-watching.Done():
		}
	})
	err = s.Store.Watch(watching, keys, wake)
	if ctx.Err() == nil && errors.Is(context.Cause(watching), ports.ErrUnavailable) {
		err = ports.ErrUnavailable
	}
	stop(nil)
	cut.Wait()
	return err
}

func (s behind) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return nil, err
	}
	return s.Store.TryLeases(ctx, claims, holder, ttl)
}

func (s behind) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return nil, err
	}
	return s.Store.Leases(ctx, names)
}

func (s behind) DropLeases(ctx context.Context, names []string, holder string) error {
	if _, err := s.wire.use(ctx); err != nil {
		return err
	}
	return s.Store.DropLeases(ctx, names, holder)
}

func (s behind) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return nil, "", err
	}
	return s.Store.GetState(ctx, name)
}

func (s behind) PutState(ctx context.Context, name string, value []byte, v ports.Version) (ports.Version, error) {
	if _, err := s.wire.use(ctx); err != nil {
		return "", err
	}
	return s.Store.PutState(ctx, name, value, v)
}

func (s behind) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	if _, err := s.wire.use(ctx); err != nil {
		return err
	}
	return s.Store.ExpireState(ctx, name, lasts)
}

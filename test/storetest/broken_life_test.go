package storetest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// claiming says that its records are its own.
type claiming struct{ ports.Store }

func (claiming) Exclusive() bool { return true }

func lifeDefects() []defect {
	return []defect{
		{
			name:  "shared records are claimed",
			wrap:  func(s *shim, b *backend) { s.Store = claiming{s.Store} },
			fails: []string{"exclusive"},
		},
		{
			name:   "contexts are ignored",
			silent: true,
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.mapContexts(context.WithoutCancel)
				s.watch = watch
			},
			fails: []string{"context-ended-before", "unavailable-context-ends"},
		},
		{
			name:   "a cancellation is taken for a failure",
			silent: true,
			wrap: func(s *shim, b *backend) {
				s.mapErrors(func(ctx context.Context, err error) error {
					if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
						return errors.Join(ports.ErrUnavailable, err)
					}
					return err
				})
			},
			fails: []string{
				"context-ended-before", "unavailable-context-ends", "watch-ends-with-context", "watch-ends-with-deadline",
				"watch-no-keys", "watch-only-its-keys",
			},
			open: []string{"context-ends-within-put"},
		},
		{
			name: "half a body is there when the context ends",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 10*time.Millisecond {
						return put(ctx, r, ifVersion)
					}
					half := make([]byte, len(r.Body))
					copy(half, r.Body[:len(r.Body)/2])
					r.Body = half
					<-ctx.Done()
					_, _ = put(context.WithoutCancel(ctx), r, ifVersion)
					return "", ctx.Err()
				}
			},
			fails: []string{"context-ends-within-put"},
		},
		{
			name: "close fails the second time",
			wrap: func(s *shim, b *backend) {
				var closed atomic.Bool
				s.close = func() error {
					if closed.Swap(true) {
						return ports.ErrClosed
					}
					return s.Store.Close()
				}
			},
			fails: []string{"close-again", "unavailable-close"},
			// The suite closes at the end, too.
			open: []string{"*"},
		},
		{
			name: "close does not wait",
			wrap: func(s *shim, b *backend) {
				s.close = func() error {
					go func() { _ = s.Store.Close() }()
					for {
						if _, err := s.Store.Stat(context.Background(), "any"); errors.Is(err, ports.ErrClosed) {
							return nil
						}
					}
				}
			},
			fails: []string{"close-waits-for-wake"},
		},
		{
			name: "reads go on after close",
			wrap: func(s *shim, b *backend) {
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					r, err := get(ctx, key)
					if errors.Is(err, ports.ErrClosed) {
						own := b.open()
						defer func() { _ = own.Close() }()
						return own.Get(ctx, key)
					}
					return r, err
				}
			},
			fails: []string{"closed-calls"},
		},
		{
			name: "a crash takes the last put away",
			wrap: func(s *shim, b *backend) {
				put, remove := s.put, s.delete
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					b.shared.Store("last", r.Key)
					return put(ctx, r, ifVersion)
				}
				b.crashes(func() {
					if last, ok := b.shared.Load("last"); ok {
						_ = remove(context.Background(), last.(domain.EnvironmentKey))
					}
				})
			},
			fails: []string{"durable-after-crash"},
		},
		{
			name: "an absent backend looks empty",
			wrap: func(s *shim, b *backend) {
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					r, err := get(ctx, key)
					if errors.Is(err, ports.ErrUnavailable) {
						return r, ports.ErrNotFound
					}
					return r, err
				}
			},
			fails: []string{"unavailable-and-back", "unavailable-at-open", "unavailable-context-ends"},
		},
		{
			name: "an absent backend is an error of no name",
			wrap: func(s *shim, b *backend) {
				s.mapErrors(func(_ context.Context, err error) error {
					if errors.Is(err, ports.ErrUnavailable) {
						return errors.New("connection refused")
					}
					return err
				})
			},
			fails: []string{
				"unavailable-and-back", "unavailable-at-open", "unavailable-within-put", "unavailable-watch",
				"unavailable-context-ends",
			},
		},
		{
			name: "an absent backend never comes back",
			wrap: func(s *shim, b *backend) {
				var broken atomic.Bool
				s.mapErrors(func(_ context.Context, err error) error {
					if errors.Is(err, ports.ErrUnavailable) {
						broken.Store(true)
					}
					if broken.Load() && !errors.Is(err, ports.ErrClosed) && !errors.Is(err, context.Canceled) {
						return ports.ErrUnavailable
					}
					return err
				})
			},
			fails: []string{"unavailable-and-back", "unavailable-at-open", "unavailable-within-put", "unavailable-watch"},
		},
		{
			name: "a damaged record looks absent",
			wrap: func(s *shim, b *backend) {
				s.mapErrors(func(_ context.Context, err error) error {
					if errors.Is(err, ports.ErrCorrupt) {
						return ports.ErrNotFound
					}
					return err
				})
			},
			fails: []string{"corrupt-get", "corrupt-stat", "corrupt-put-other-version", "corrupt-state"},
		},
		{
			name: "a damaged record stays forever",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					if _, err := s.get(ctx, r.Key); errors.Is(err, ports.ErrCorrupt) {
						return "", ports.ErrConflict
					}
					return put(ctx, r, ifVersion)
				}
			},
			fails: []string{"corrupt-put"},
		},
		{
			name: "one damaged record spoils the list",
			wrap: func(s *shim, b *backend) {
				list := s.list
				s.list = func(ctx context.Context) ([]domain.EnvironmentKey, error) {
					keys, err := list(ctx)
					for _, key := range keys {
						if _, err := s.stat(ctx, key); errors.Is(err, ports.ErrCorrupt) {
							return nil, err
						}
					}
					return keys, err
				}
			},
			fails: []string{"corrupt-list"},
		},
	}
}

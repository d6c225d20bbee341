package storetest_test

import (
	"context"
	"strings"
	"time"
)

func leaseDefects() []defect {
	type tryLease = func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error)
	try := func(change func(next tryLease, b *backend) tryLease) func(*shim, *backend) {
		return func(s *shim, b *backend) { s.tryLease = change(s.tryLease, b) }
	}
	return []defect{
		{
			name: "leases are anybody's",
			wrap: try(func(next tryLease, b *backend) tryLease {
				return func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					return next(ctx, name, "everybody", ttl)
				}
			}),
			fails: []string{
				"lease-is-exclusive", "lease-goes-to-one-of-many", "lease-until", "lease-runs-out", "lease-is-extended",
				"lease-dropped-by-holder-only", "lease-dropped-late", "odd-lease-names", "name-spaces-apart",
			},
		},
		{
			name: "leases never run out",
			wrap: try(func(next tryLease, b *backend) tryLease {
				return func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					until, held, err := next(ctx, name, holder, 24*time.Hour)
					return until.Add(ttl - 24*time.Hour), held, err
				}
			}),
			fails: []string{"lease-runs-out", "lease-shortest", "lease-dropped-late"},
			open:  []string{"lease-until"},
		},
		{
			name: "leases run out early",
			wrap: try(func(next tryLease, b *backend) tryLease {
				return func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					until, held, err := next(ctx, name, holder, ttl/1000)
					if held {
						until = until.Add(ttl - ttl/1000)
					}
					return until, held, err
				}
			}),
			fails: []string{"lease-is-extended", "lease-until", "lease-runs-out"},
		},
		{
			name: "leases are not extended",
			wrap: try(func(next tryLease, b *backend) tryLease {
				return func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					if until, ok := b.shared.Load(name + holder); ok && b.time().Before(until.(time.Time)) {
						return until.(time.Time), true, nil
					}
					until, held, err := next(ctx, name, holder, ttl)
					if held {
						b.shared.Store(name+holder, until)
					}
					return until, held, err
				}
			}),
			fails: []string{"lease-is-extended", "lease-until"},
			// What it remembers of a lease outlives DropLease and Close.
			open: []string{"lease-dropped-by-holder-only", "name-spaces-apart", "closed-calls", "unavailable-*", "context-ended-before"},
		},
		{
			name: "until is not told to those who wait",
			wrap: try(func(next tryLease, b *backend) tryLease {
				return func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					until, held, err := next(ctx, name, holder, ttl)
					if !held {
						until = time.Time{}
					}
					return until, held, err
				}
			}),
			fails: []string{"lease-until", "lease-runs-out"},
		},
		{
			name: "leases are dropped by anybody",
			wrap: func(s *shim, b *backend) {
				try, drop := s.tryLease, s.dropLease
				s.tryLease = func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					until, held, err := try(ctx, name, holder, ttl)
					if held {
						b.shared.Store("holder of "+name, holder)
					}
					return until, held, err
				}
				s.dropLease = func(ctx context.Context, name, holder string) error {
					if current, ok := b.shared.Load("holder of " + name); ok {
						holder = current.(string)
					}
					return drop(ctx, name, holder)
				}
			},
			fails: []string{"lease-dropped-by-holder-only", "lease-dropped-late"},
		},
		{
			name: "leases are not dropped",
			wrap: func(s *shim, b *backend) {
				drop := s.dropLease
				s.dropLease = func(ctx context.Context, name, _ string) error { return drop(ctx, name, "nobody") }
			},
			fails: []string{"lease-dropped-by-holder-only", "odd-lease-names"},
		},
		{
			name: "lease names are folded to lower case",
			wrap: func(s *shim, b *backend) {
				try, drop := s.tryLease, s.dropLease
				s.tryLease = func(ctx context.Context, name, holder string, ttl time.Duration) (time.Time, bool, error) {
					return try(ctx, strings.ToLower(name), holder, ttl)
				}
				s.dropLease = func(ctx context.Context, name, holder string) error {
					return drop(ctx, strings.ToLower(name), holder)
				}
			},
			fails: []string{"odd-lease-names"},
		},
	}
}

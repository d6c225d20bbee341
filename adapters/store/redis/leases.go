package redis

import (
	"context"
	"fmt"
	"time"
)

// TryLease implements ports.Leaser. A lease it returns as held runs out here no
// later than in Redis: until counts from before Redis was asked.
func (s *store) TryLease(ctx context.Context, name, holder string, ttl time.Duration) (until time.Time, held bool, err error) {
	const call = "try lease"
	ttl = ttl.Truncate(time.Millisecond)
	if ttl < time.Millisecond {
		return time.Time{}, false, failure(ctx, call, fmt.Errorf("%w: ttl is less than a millisecond", errInvalid))
	}
	asked := s.now()
	left, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (int64, error) {
		return s.scripts.tryLease.Run(ctx, s.client, []string{s.names.lease(name)},
			holder, ttl.Milliseconds()).Int64()
	})
	switch {
	case err != nil:
		return time.Time{}, false, err
	case left > 0:
		return s.now().Add(time.Duration(left) * time.Millisecond), false, nil
	}
	return asked.Add(ttl), true, nil
}

// DropLease implements ports.Leaser.
func (s *store) DropLease(ctx context.Context, name, holder string) error {
	_, err := do(ctx, s, "drop lease", s.patience(0), func(ctx context.Context) (string, error) {
		return s.scripts.dropLease.Run(ctx, s.client, []string{s.names.lease(name)}, holder).Text()
	})
	return err
}

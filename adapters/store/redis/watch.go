package redis

import (
	"context"
	"fmt"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/wakes"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Watch implements ports.Watcher. All Watches of a store share one subscription;
// when it breaks, each of them returns.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	return failure(ctx, "watch", s.life.Call(ctx, func() error { return s.watch(ctx, keys, wake) }))
}

func (s *store) watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	w := wakes.NewWatcher(keys)
	f := s.join(w)
	defer s.part(f, w)

	// w gets every change from here on. So the first wakes, which come after the
	// subscription is ready, cover all that changed before.
	ready := f.ready
	for {
		if err := w.Deliver(ctx, s.life, wake); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-s.life.Context().Done():
		case <-f.done:
			if err := s.life.Ended(ctx); err != nil {
				return err
			}
			return s.topology.explain(fmt.Errorf("subscription: %w", f.err))
		case <-ready:
			ready = nil
			w.AddAll()
		case <-w.Ready():
		}
	}
}

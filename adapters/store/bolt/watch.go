package bolt

import (
	"context"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Watch implements ports.Watcher. It calls wake from the caller's goroutine.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	const call = "watch"
	if err := s.life.Enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.life.Leave()
	return failure(call, s.watches.Watch(ctx, s.life, keys, wake))
}

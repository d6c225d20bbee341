package redis

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater.
func (s *store) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	e, value, err := s.whole(ctx, "get state", s.names.state(name))
	if err != nil {
		return nil, "", err
	}
	return value, ports.Version(e.version), nil
}

// PutState implements ports.Stater. It does not change when a state expires.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	return s.replace(ctx, "put state", s.names.state(name), entry{}, value, ifVersion, keeping{})
}

// ExpireState implements ports.Stater.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	_, err := do(ctx, s, "expire state", s.patience(0), func(ctx context.Context) (struct{}, error) {
		if lasts <= 0 {
			return struct{}{}, s.client.Unlink(ctx, s.names.state(name)).Err()
		}
		return struct{}{}, s.client.PExpire(ctx, s.names.state(name), max(lasts, time.Millisecond)).Err()
	})
	return err
}

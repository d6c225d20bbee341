package memory

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// TryLeases implements ports.Leaser.
func (s *store) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, err
	}
	defer s.life.Leave()
	return s.leases.Try(claims, holder, s.now(), ttl), nil
}

// Leases implements ports.Leaser.
func (s *store) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, err
	}
	defer s.life.Leave()
	return s.leases.Read(names, s.now()), nil
}

// DropLeases implements ports.Leaser.
func (s *store) DropLeases(ctx context.Context, names []string, holder string) error {
	if err := s.life.Enter(ctx); err != nil {
		return err
	}
	defer s.life.Leave()
	s.leases.Drop(names, holder)
	return nil
}

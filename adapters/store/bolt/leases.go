package bolt

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Leases are those of one process, which is the only one that has the file: they are not
// in it.

// TryLeases implements ports.Leaser.
func (s *store) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	const call = "try leases"
	if err := s.life.Enter(ctx); err != nil {
		return nil, failure(call, err)
	}
	defer s.life.Leave()
	if ttl < time.Millisecond {
		return nil, failure(call, fmt.Errorf("%w: a ttl of %v, at least a millisecond is possible", errInvalid, ttl))
	}
	return s.leases.Try(claims, holder, s.now(), ttl), nil
}

// Leases implements ports.Leaser.
func (s *store) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, failure("leases", err)
	}
	defer s.life.Leave()
	return s.leases.Read(names, s.now()), nil
}

// DropLeases implements ports.Leaser.
func (s *store) DropLeases(ctx context.Context, names []string, holder string) error {
	if err := s.life.Enter(ctx); err != nil {
		return failure("drop leases", err)
	}
	defer s.life.Leave()
	s.leases.Drop(names, holder)
	return nil
}

package bolt

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// TryLeases implements ports.Leaser. Leases are those of one process, which is the only
// one that has the file: they are not in it.
func (s *store) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if ttl < time.Millisecond {
		return nil, failure("try leases", fmt.Errorf("%w: a ttl of %v, at least a millisecond is possible", errInvalid, ttl))
	}
	return s.Leaser.TryLeases(ctx, claims, holder, ttl)
}

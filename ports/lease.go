package ports

import (
	"context"
	"time"
)

// TryLease calls TryLeases for one lease without a note. It returns whether holder now has
// the lease, and until when it or another holder has it.
func TryLease(ctx context.Context, l Leaser, name, holder string, ttl time.Duration) (until time.Time, held bool, err error) {
	leases, err := l.TryLeases(ctx, []Claim{{Name: name}}, holder, ttl)
	if err != nil {
		return time.Time{}, false, err
	}
	return leases[0].Until, leases[0].Holder == holder, nil
}

// DropLease calls DropLeases for one lease.
func DropLease(ctx context.Context, l Leaser, name, holder string) error {
	return l.DropLeases(ctx, []string{name}, holder)
}

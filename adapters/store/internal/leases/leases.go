// Package leases keeps the leases of a store that one process has for itself.
package leases

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Leaser is a ports.Leaser. It is safe for concurrent use; make it with New.
type Leaser struct {
	call func(ctx context.Context, name string, f func() error) error
	now  func() time.Time

	mu     sync.Mutex
	leases map[string]ports.Lease
}

var _ ports.Leaser = (*Leaser)(nil)

// New returns the leases of a store. call runs f as the call of the store with that name.
func New(now func() time.Time, call func(ctx context.Context, name string, f func() error) error) *Leaser {
	return &Leaser{call: call, now: now, leases: make(map[string]ports.Lease)}
}

// locked runs f as a call with that name, with t.mu held.
func (t *Leaser) locked(ctx context.Context, name string, f func(now time.Time)) error {
	return t.call(ctx, name, func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		f(t.now())
		return nil
	})
}

// TryLeases implements ports.Leaser.
func (t *Leaser) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) (all []ports.Lease, err error) {
	err = t.locked(ctx, "try leases", func(now time.Time) {
		if slices.ContainsFunc(claims, func(c ports.Claim) bool { _, known := t.leases[c.Name]; return !known }) {
			// Names come and go with environments: a new one is the time to forget old ones.
			maps.DeleteFunc(t.leases, func(_ string, l ports.Lease) bool { return !now.Before(l.Until) })
		}
		all = make([]ports.Lease, 0, len(claims))
		for _, c := range claims {
			all = append(all, t.try(c, holder, now, ttl))
		}
	})
	return all, err
}

// try needs t.mu.
func (t *Leaser) try(c ports.Claim, holder string, now time.Time, ttl time.Duration) ports.Lease {
	current, known := t.leases[c.Name]
	taken := known && now.Before(current.Until)
	if taken && current.Holder != holder {
		return current
	}
	if c.Note == "" {
		c.Note = current.Note
	}
	next := ports.Lease{Holder: holder, Until: now.Add(ttl), Note: c.Note}
	t.leases[c.Name] = next
	next.Gained = !taken
	return next
}

// Leases implements ports.Leaser.
func (t *Leaser) Leases(ctx context.Context, names []string) (all []ports.Lease, err error) {
	err = t.locked(ctx, "leases", func(now time.Time) {
		all = make([]ports.Lease, len(names))
		for i, name := range names {
			all[i] = t.leases[name]
			if !now.Before(all[i].Until) {
				all[i] = ports.Lease{Note: all[i].Note}
			}
		}
	})
	return all, err
}

// DropLeases implements ports.Leaser.
func (t *Leaser) DropLeases(ctx context.Context, names []string, holder string) error {
	return t.locked(ctx, "drop leases", func(time.Time) {
		for _, name := range names {
			if l, known := t.leases[name]; known && l.Holder == holder {
				t.leases[name] = ports.Lease{Note: l.Note}
			}
		}
	})
}

// Package leases keeps the leases of a store that one process has for itself.
package leases

import (
	"slices"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Table holds leases by name. Its zero value is empty and ready. It is safe for
// concurrent use.
type Table struct {
	mu     sync.Mutex
	leases map[string]ports.Lease
}

// Try does what ports.Leaser.TryLeases does, at now.
func (t *Table) Try(claims []ports.Claim, holder string, now time.Time, ttl time.Duration) []ports.Lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.ContainsFunc(claims, func(c ports.Claim) bool { _, known := t.leases[c.Name]; return !known }) {
		t.forget(now)
	}
	all := make([]ports.Lease, 0, len(claims))
	for _, c := range claims {
		all = append(all, t.try(c, holder, now, ttl))
	}
	return all
}

// try needs t.mu.
func (t *Table) try(c ports.Claim, holder string, now time.Time, ttl time.Duration) ports.Lease {
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

// forget removes leases that have run out. Names come and go with environments: a new
// one is the time to forget old ones. It needs t.mu.
func (t *Table) forget(now time.Time) {
	if t.leases == nil {
		t.leases = make(map[string]ports.Lease)
	}
	for name, l := range t.leases {
		if !now.Before(l.Until) {
			delete(t.leases, name)
		}
	}
}

// Read does what ports.Leaser.Leases does, at now.
func (t *Table) Read(names []string, now time.Time) []ports.Lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]ports.Lease, len(names))
	for i, name := range names {
		all[i] = t.leases[name]
		if !now.Before(all[i].Until) {
			all[i] = ports.Lease{Note: all[i].Note}
		}
	}
	return all
}

// Drop does what ports.Leaser.DropLeases does.
func (t *Table) Drop(names []string, holder string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if l, known := t.leases[name]; known && l.Holder == holder {
			t.leases[name] = ports.Lease{Note: l.Note}
		}
	}
}

package filestore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// lease is a lease as it is in the file of leases. All are in one file: a node asks for
// those of all its environments in one call, which must not take longer for a thousand.
type lease struct {
	Holder []byte    `json:"holder"`
	Until  time.Time `json:"until"` // by its holder's clock: several hosts need clocks that agree
	Note   []byte    `json:"note,omitempty"`
}

// leaseTable is the content of the file, by the hash of the lease's name.
type leaseTable map[string]lease

// leaseMemory is how long a lease is kept after it has run out, for its note.
const leaseMemory = 24 * time.Hour

// TryLeases implements ports.Leaser.
func (s *store) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	var got []ports.Lease
	err := s.change(ctx, "try leases", func(d directory) error {
		table, err := d.readLeases()
		if err != nil {
			return err
		}
		now := s.now()
		got = make([]ports.Lease, 0, len(claims))
		for _, c := range claims {
			got = append(got, table.try(c, holder, now, ttl))
		}
		return d.writeLeases(table, now)
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// try takes or extends one lease and returns it as it is then.
func (t leaseTable) try(c ports.Claim, holder string, now time.Time, ttl time.Duration) ports.Lease {
	name := hash([]byte(c.Name))
	current := t[name]
	taken := now.Before(current.Until)
	if taken && string(current.Holder) != holder {
		return current.at(now)
	}
	next := lease{Holder: []byte(holder), Until: now.Add(ttl), Note: current.Note}
	if c.Note != "" {
		next.Note = []byte(c.Note)
	}
	t[name] = next
	l := next.at(now)
	l.Gained = !taken
	return l
}

// at returns the lease as it is at now. One that was dropped has no holder.
func (l lease) at(now time.Time) ports.Lease {
	if len(l.Holder) == 0 || !now.Before(l.Until) {
		return ports.Lease{Note: string(l.Note)}
	}
	return ports.Lease{Holder: string(l.Holder), Until: l.Until, Note: string(l.Note)}
}

// Leases implements ports.Leaser.
func (s *store) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	var got []ports.Lease
	err := s.do(ctx, "leases", func(d directory) error {
		// Without the lock a holder may extend its lease while the file is read. Asked
		// afterwards, the clock would end the lease that was read, and nobody would seem
		// to hold one that never ran out.
		now := s.now()
		table, err := d.readLeases()
		if err != nil {
			return err
		}
		got = make([]ports.Lease, 0, len(names))
		for _, name := range names {
			got = append(got, table[hash([]byte(name))].at(now))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// DropLeases implements ports.Leaser.
func (s *store) DropLeases(ctx context.Context, names []string, holder string) error {
	return s.change(ctx, "drop leases", func(d directory) error {
		table, err := d.readLeases()
		if err != nil {
			return err
		}
		now := s.now()
		for _, name := range names {
			name = hash([]byte(name))
			if l, known := table[name]; known && string(l.Holder) == holder && now.Before(l.Until) {
				table[name] = lease{Until: now, Note: l.Note}
			}
		}
		return d.writeLeases(table, now)
	})
}

// readLeases returns all leases, whether they have run out or not. A file that cannot be
// read is as good as none: leases save fetches, they protect nothing.
func (d directory) readLeases() (leaseTable, error) {
	text, err := d.ReadFile(leasesFile)
	if err != nil && !absent(err) {
		return nil, err
	}
	table := leaseTable{}
	if err != nil || json.Unmarshal(text, &table) != nil || table == nil {
		return leaseTable{}, nil
	}
	return table, nil
}

// writeLeases replaces the file of leases. The caller has the lock.
func (d directory) writeLeases(t leaseTable, now time.Time) error {
	for name, l := range t {
		if now.Sub(l.Until) > leaseMemory {
			delete(t, name)
		}
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return d.replace(leasesFile, text, unsynced)
}

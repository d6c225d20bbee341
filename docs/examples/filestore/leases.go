package filestore

import (
	"context"
	"encoding/json"
	"path"
	"time"
)

// lease is the content of a lease's file.
type lease struct {
	Name   []byte    `json:"name"`
	Holder []byte    `json:"holder"`
	Until  time.Time `json:"until"` // by its holder's clock: several hosts need clocks that agree
}

func leaseFile(name string) string { return path.Join(leases, hash([]byte(name))) }

// TryLease implements ports.Leaser.
func (s *store) TryLease(ctx context.Context, name, holder string, ttl time.Duration) (until time.Time, held bool, err error) {
	err = s.change(ctx, "try lease", func(d directory) error {
		current, taken, err := d.readLease(name)
		if err != nil {
			return err
		}
		now := s.now()
		if taken && string(current.Holder) != holder && now.Before(current.Until) {
			until = current.Until
			return nil
		}
		until, held = now.Add(ttl), true
		return d.writeLease(lease{[]byte(name), []byte(holder), until.UTC()})
	})
	if err != nil {
		return time.Time{}, false, err
	}
	return until, held, nil
}

// DropLease implements ports.Leaser.
func (s *store) DropLease(ctx context.Context, name, holder string) error {
	return s.change(ctx, "drop lease", func(d directory) error {
		current, taken, err := d.readLease(name)
		if err != nil || !taken || string(current.Holder) != holder {
			return err
		}
		return d.Remove(leaseFile(name))
	})
}

// readLease returns the lease that is in the file, whether it has run out or not.
// One that cannot be read is as good as none: leases save fetches, they protect
// nothing.
func (d directory) readLease(name string) (l lease, taken bool, err error) {
	text, err := d.ReadFile(leaseFile(name))
	switch {
	case absent(err):
		return lease{}, false, nil
	case err != nil:
		return lease{}, false, err
	}
	taken = json.Unmarshal(text, &l) == nil && string(l.Name) == name
	return l, taken, nil
}

func (d directory) writeLease(l lease) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := d.makeDirectory(leases); err != nil {
		return err
	}
	return d.replace(leaseFile(string(l.Name)), text, unsynced)
}

package memory

import (
	"context"
	"time"
)

// TryLease implements ports.Leaser.
func (s *store) TryLease(ctx context.Context, name, holder string, ttl time.Duration) (until time.Time, held bool, err error) {
	if err := s.life.Enter(ctx); err != nil {
		return time.Time{}, false, err
	}
	defer s.life.Leave()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, taken := s.leases[name]; taken && l.holder != holder && now.Before(l.until) {
		return l.until, false, nil
	}
	until = now.Add(ttl)
	s.leases[name] = lease{holder: holder, until: until}
	return until, true, nil
}

// DropLease implements ports.Leaser.
func (s *store) DropLease(ctx context.Context, name, holder string) error {
	if err := s.life.Enter(ctx); err != nil {
		return err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[name].holder == holder {
		delete(s.leases, name)
	}
	return nil
}

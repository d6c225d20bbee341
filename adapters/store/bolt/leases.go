package bolt

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// leases are those of one process, which is the only one that has the file.
type leases struct {
	mu   sync.Mutex
	held map[string]lease
}

type lease struct {
	holder string
	until  time.Time
}

// TryLease implements ports.Leaser.
func (s *store) TryLease(ctx context.Context, name, holder string, ttl time.Duration) (until time.Time, held bool, err error) {
	const call = "try lease"
	if err := s.life.Enter(ctx); err != nil {
		return time.Time{}, false, failure(call, err)
	}
	defer s.life.Leave()
	if ttl < time.Millisecond {
		return time.Time{}, false, failure(call, fmt.Errorf("%w: a ttl of %v, at least a millisecond is possible", errInvalid, ttl))
	}
	until, held = s.leases.try(name, holder, s.now(), ttl)
	return until, held, nil
}

// DropLease implements ports.Leaser.
func (s *store) DropLease(ctx context.Context, name, holder string) error {
	const call = "drop lease"
	if err := s.life.Enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.life.Leave()
	s.leases.drop(name, holder)
	return nil
}

func (l *leases) try(name, holder string, now time.Time, ttl time.Duration) (until time.Time, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	current, taken := l.held[name]
	switch {
	case taken && current.holder != holder && now.Before(current.until):
		return current.until, false
	case !taken:
		// Names come and go with environments; a new one is the time to forget old ones.
		for other, lease := range l.held {
			if !now.Before(lease.until) {
				delete(l.held, other)
			}
		}
	}
	if l.held == nil {
		l.held = make(map[string]lease)
	}
	until = now.Add(ttl)
	l.held[name] = lease{holder, until}
	return until, true
}

func (l *leases) drop(name, holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name].holder == holder {
		delete(l.held, name)
	}
}

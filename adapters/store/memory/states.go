package memory

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater. All callers share one value.
func (s *store) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, "", err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	current, ok := s.states[name]
	if !ok {
		return nil, "", ports.ErrNotFound
	}
	return copyOf(current.value), current.version, nil
}

// PutState implements ports.Stater.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	if err := s.life.Enter(ctx); err != nil {
		return "", err
	}
	defer s.life.Leave()
	next := state{value: copyOf(value)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states[name].version != ifVersion {
		return "", ports.ErrConflict
	}
	next.version = s.nextVersion()
	s.states[name] = next
	return next.version, nil
}

// ExpireState implements ports.Stater. The process ends before any value expires that
// somebody still wants to have removed.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	if err := s.life.Enter(ctx); err != nil {
		return err
	}
	defer s.life.Leave()
	if lasts > 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.states, name)
	return nil
}

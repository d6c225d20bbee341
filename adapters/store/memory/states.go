package memory

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater. All callers share one value.
func (s *store) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = s.locked(ctx, func() error {
		current, ok := s.states[name]
		if !ok {
			return ports.ErrNotFound
		}
		value, v = copyOf(current.value), current.version
		return nil
	})
	return value, v, err
}

// PutState implements ports.Stater.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (version ports.Version, err error) {
	value = copyOf(value)
	err = s.locked(ctx, func() error {
		if s.states[name].version != ifVersion {
			return ports.ErrConflict
		}
		version = s.nextVersion()
		s.states[name] = state{value, version}
		return nil
	})
	return version, err
}

// ExpireState implements ports.Stater. The process ends before any value expires that
// somebody still wants to have removed.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return s.locked(ctx, func() error {
		if lasts <= 0 {
			delete(s.states, name)
		}
		return nil
	})
}

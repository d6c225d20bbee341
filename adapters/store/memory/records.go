package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// record returns the record under key with the Body that the store keeps.
func (s *store) record(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if err := s.life.Enter(ctx); err != nil {
		return ports.Record{}, err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[key]
	if !ok {
		return ports.Record{}, ports.ErrNotFound
	}
	return r, nil
}

// Get implements ports.Reader.
func (s *store) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.record(ctx, key)
	r.Body = copyOf(r.Body)
	return r, err
}

// Stat implements ports.Reader.
func (s *store) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.record(ctx, key)
	r.Body = nil
	return r, err
}

// List implements ports.Reader.
func (s *store) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.records)), nil
}

// Put implements ports.Writer. It keeps r.Body, which is that of the document that is
// served.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	if err := s.life.Enter(ctx); err != nil {
		return "", err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[r.Key].Version != ifVersion {
		return "", ports.ErrConflict
	}
	r.Version = s.nextVersion()
	s.records[r.Key] = r
	s.watches.Changed(r.Key)
	return r.Version, nil
}

// Touch implements ports.Writer. It is never delayed.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	if err := s.life.Enter(ctx); err != nil {
		return err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[key]
	switch {
	case !ok:
		return ports.ErrNotFound
	case r.Version != v:
		return ports.ErrConflict
	case r.CheckedAt.Before(checkedAt):
		r.CheckedAt = checkedAt
		s.records[key] = r
	}
	return nil
}

// Delete implements ports.Writer.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	if err := s.life.Enter(ctx); err != nil {
		return err
	}
	defer s.life.Leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.records[key]; ok {
		delete(s.records, key)
		s.watches.Changed(key)
	}
	return nil
}

func copyOf(b []byte) []byte { return slices.Clip(bytes.Clone(b)) }

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
func (s *store) record(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = s.locked(ctx, func() error {
		var ok bool
		if r, ok = s.records[key]; !ok {
			return ports.ErrNotFound
		}
		return nil
	})
	return r, err
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
func (s *store) List(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
	err = s.locked(ctx, func() error {
		keys = slices.Collect(maps.Keys(s.records))
		return nil
	})
	return keys, err
}

// Put implements ports.Writer. It keeps r.Body, which is that of the document that is
// served.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (version ports.Version, err error) {
	err = s.locked(ctx, func() error {
		if s.records[r.Key].Version != ifVersion {
			return ports.ErrConflict
		}
		version = s.nextVersion()
		r.Version = version
		s.records[r.Key] = r
		s.watches.Changed(r.Key)
		return nil
	})
	return version, err
}

// Touch implements ports.Writer. It is never delayed.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return s.locked(ctx, func() error {
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
	})
}

// Delete implements ports.Writer.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return s.locked(ctx, func() error {
		if _, ok := s.records[key]; ok {
			delete(s.records, key)
			s.watches.Changed(key)
		}
		return nil
	})
}

func copyOf(b []byte) []byte { return slices.Clip(bytes.Clone(b)) }

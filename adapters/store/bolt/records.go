package bolt

import (
	"context"
	"errors"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Get implements ports.Reader. A damaged document is replaced by its former
// revision, see the package's documentation.
func (s *store) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.read(ctx, key, true)
	return r, failure("get", err)
}

// Stat implements ports.Reader. It does not see whether the body is sound.
func (s *store) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.read(ctx, key, false)
	return r, failure("stat", err)
}

func (s *store) read(ctx context.Context, key domain.EnvironmentKey, whole bool) (ports.Record, error) {
	if err := s.life.Enter(ctx); err != nil {
		return ports.Record{}, err
	}
	defer s.life.Leave()
	r, err := s.readOnce(key, whole)
	if errors.Is(err, ports.ErrCorrupt) {
		if s.restore(ctx, key) {
			return s.readOnce(key, whole)
		}
		if ctx.Err() != nil {
			return ports.Record{}, ctx.Err()
		}
	}
	return r, err
}

func (s *store) readOnce(key domain.EnvironmentKey, whole bool) (r ports.Record, err error) {
	// Before the file, so that what goes from memory to the file is not missed.
	confirmed := s.confirmations.of(key)
	err = s.file.view(func(tx *bbolt.Tx) error {
		h, err := documents().head(tx, string(key))
		if err != nil {
			return err
		}
		r = recordOf(key, h, confirmed)
		if whole {
			r.Body, err = documents().body(tx, string(key), h)
		}
		return err
	})
	if err != nil {
		return ports.Record{}, err
	}
	return r, nil
}

// restore brings the former revision back, if it can, and reports whether reading
// again may find something else.
func (s *store) restore(ctx context.Context, key domain.EnvironmentKey) bool {
	var restored head
	err := s.writer.do(ctx, 0, func(tx *bbolt.Tx) (err error) {
		restored, err = documents().restore(tx, string(key))
		return err
	})
	if err != nil {
		return errors.Is(err, errUnchanged) // by somebody else who restored or replaced it
	}
	s.confirmations.forget(key, s.current(key))
	s.watches.Changed(key)
	s.logger.ErrorContext(ctx, "store_document_restored", "client_side_key", string(key), "file", s.file.path,
		"reason", "the stored document is damaged", "effect", "its former revision is used",
		"updated_at", restored.updatedAt, "last_confirmed_at", restored.checkedAt)
	return true
}

// List implements ports.Reader.
func (s *store) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	const call = "list"
	if err := s.life.Enter(ctx); err != nil {
		return nil, failure(call, err)
	}
	defer s.life.Leave()
	var keys []domain.EnvironmentKey
	err := s.file.view(func(tx *bbolt.Tx) error {
		for _, name := range documents().names(tx) {
			keys = append(keys, domain.EnvironmentKey(name))
		}
		return nil
	})
	return keys, failure(call, err)
}

// Put implements ports.Writer. It returns when the record is synced to the disk. A
// context that ends before its turn to write has come ends the wait; after that the
// outcome is known and waited for.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	const call = "put"
	if err := s.life.Enter(ctx); err != nil {
		return "", failure(call, err)
	}
	defer s.life.Leave()
	if err := checkName("key", r.Key); err != nil {
		return "", failure(call, err)
	}
	var version ports.Version
	err := s.writer.do(ctx, len(r.Body), func(tx *bbolt.Tx) (err error) {
		h := head{updatedAt: r.UpdatedAt, checkedAt: r.CheckedAt}
		version, err = documents().put(tx, string(r.Key), h, r.Body, ifVersion, s.confirmations.of(r.Key))
		return err
	})
	if err != nil {
		return "", failure(call, err)
	}
	s.watches.Changed(r.Key)
	return version, nil
}

// Touch implements ports.Writer. It does not wait for the disk, and does
// not fail if the disk cannot be written to.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	const call = "touch"
	if err := s.life.Enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.life.Leave()
	err := s.confirmations.add(key, confirmation{version: v, at: checkedAt}, s.current(key))
	return failure(call, err)
}

// current returns a function that reads the current head of key.
func (s *store) current(key domain.EnvironmentKey) func() (head, error) {
	return func() (h head, err error) {
		err = s.file.view(func(tx *bbolt.Tx) error {
			h, err = documents().head(tx, string(key))
			return err
		})
		return h, err
	}
}

// Delete implements ports.Writer.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	const call = "delete"
	if err := s.life.Enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.life.Leave()
	err := s.writer.do(ctx, 0, func(tx *bbolt.Tx) error {
		return documents().delete(tx, string(key))
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return failure(call, err)
	}
	s.confirmations.forget(key, s.current(key))
	s.watches.Changed(key)
	return nil
}

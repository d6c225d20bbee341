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
	return s.read(ctx, "get", key, true)
}

// Stat implements ports.Reader. It does not see whether the body is sound.
func (s *store) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return s.read(ctx, "stat", key, false)
}

func (s *store) read(ctx context.Context, call string, key domain.EnvironmentKey, whole bool) (r ports.Record, err error) {
	err = s.call(ctx, call, func() error {
		r, err = s.readOnce(key, whole)
		if errors.Is(err, ports.ErrCorrupt) {
			if s.restore(ctx, key) {
				r, err = s.readOnce(key, whole)
			} else if ctx.Err() != nil {
				err = ctx.Err()
			}
		}
		return err
	})
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
func (s *store) List(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
	err = s.call(ctx, "list", func() error {
		return s.file.view(func(tx *bbolt.Tx) error {
			for _, name := range documents().names(tx) {
				keys = append(keys, domain.EnvironmentKey(name))
			}
			return nil
		})
	})
	return keys, err
}

// Put implements ports.Writer. It returns when the record is synced to the disk. A
// context that ends before its turn to write has come ends the wait; after that the
// outcome is known and waited for.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (version ports.Version, err error) {
	err = s.call(ctx, "put", func() error {
		if err := checkName("key", r.Key); err != nil {
			return err
		}
		version, err = s.replace(ctx, documents(), string(r.Key), head{updatedAt: r.UpdatedAt, checkedAt: r.CheckedAt}, r.Body, ifVersion)
		if err == nil {
			s.watches.Changed(r.Key)
		}
		return err
	})
	return version, err
}

// replace is table.put in a transaction.
func (s *store) replace(ctx context.Context, t table, name string, h head, body []byte, ifVersion ports.Version) (version ports.Version, err error) {
	err = s.writer.do(ctx, len(body), func(tx *bbolt.Tx) (err error) {
		version, err = t.put(tx, name, h, body, ifVersion, s.confirmations.of(domain.EnvironmentKey(name)))
		return err
	})
	if err != nil {
		return "", err
	}
	return version, nil
}

// Touch implements ports.Writer. It does not wait for the disk, and does
// not fail if the disk cannot be written to.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return s.call(ctx, "touch", func() error {
		return s.confirmations.add(key, confirmation{version: v, at: checkedAt}, s.current(key))
	})
}

// Delete implements ports.Writer.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return s.call(ctx, "delete", func() error {
		removed, err := s.remove(ctx, documents(), string(key))
		if removed {
			s.confirmations.forget(key, s.current(key))
			s.watches.Changed(key)
		}
		return err
	})
}

// remove is table.delete in a transaction. It reports whether there was anything.
func (s *store) remove(ctx context.Context, t table, name string) (removed bool, err error) {
	err = s.writer.do(ctx, 0, func(tx *bbolt.Tx) error { return t.delete(tx, name) })
	if errors.Is(err, errUnchanged) {
		return false, nil
	}
	return err == nil, err
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

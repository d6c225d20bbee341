package filestore

import (
	"context"
	"crypto/rand"
	"errors"
	"path"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func (d directory) record(key domain.EnvironmentKey) entry { return d.entry(records, string(key)) }

func recordOf(key domain.EnvironmentKey, h head, body []byte) ports.Record {
	return ports.Record{
		Key:       key,
		Body:      body,
		UpdatedAt: time.UnixMicro(h.UpdatedAt).UTC(),
		CheckedAt: time.UnixMicro(h.CheckedAt).UTC(),
		Version:   h.Version,
	}
}

// Get implements ports.Reader.
func (s *store) Get(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = s.do(ctx, "get", func(d directory) error {
		h, body, err := d.record(key).read(ctx)
		if err == nil {
			r = recordOf(key, h, body)
		}
		return err
	})
	return r, err
}

// Stat implements ports.Reader. It does not see whether the body is whole.
func (s *store) Stat(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = s.do(ctx, "stat", func(d directory) error {
		h, err := d.record(key).readHead()
		if err == nil {
			r = recordOf(key, h, nil)
		}
		return err
	})
	return r, err
}

// List implements ports.Reader. The key of a record whose head is damaged cannot be
// told: it is left out.
func (s *store) List(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
	err = s.do(ctx, "list", func(d directory) error {
		names, err := d.names(records)
		if err != nil {
			return err
		}
		for _, name := range names {
			h, err := d.readHead(path.Join(records, name))
			switch {
			case err == nil:
				keys = append(keys, domain.EnvironmentKey(h.Key))
			case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
			default:
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
	return keys, err
}

// Put implements ports.Writer.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (v ports.Version, err error) {
	err = s.change(ctx, "put", func(d directory) (err error) {
		times := head{UpdatedAt: r.UpdatedAt.UnixMicro(), CheckedAt: r.CheckedAt.UnixMicro()}
		if v, err = d.record(r.Key).write(ctx, times, r.Body, ifVersion); err != nil {
			return err
		}
		d.tellChange()
		return nil
	})
	return v, err
}

// Touch implements ports.Writer. It is never delayed.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return s.change(ctx, "touch", func(d directory) error {
		e := d.record(key)
		h, err := e.readHead()
		switch {
		case errors.Is(err, ports.ErrCorrupt):
			return ports.ErrNotFound // what cannot be read counts as absent
		case err != nil:
			return err
		case h.Version != v:
			return ports.ErrConflict
		case checkedAt.UnixMicro() <= h.CheckedAt:
			return nil
		}
		h.CheckedAt = checkedAt.UnixMicro()
		return e.writeHead(h)
	})
}

// Delete implements ports.Writer.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return s.change(ctx, "delete", func(d directory) error {
		found, err := d.record(key).remove()
		if found {
			d.tellChange()
		}
		return err
	})
}

// tellChange notifies watchers that some record has changed. The change is already
// made. If notifying fails, watchers find out with the next change, and callers look
// at the store by themselves from time to time. The caller has the lock.
func (d directory) tellChange() { _ = d.replace(changeFile, []byte(rand.Text()), unsynced) }

package filestore

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater.
func (s *store) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = s.do(ctx, "get state", func(d directory) error {
		h, body, err := d.entry(states, name).read(ctx)
		if err == nil {
			value, v = body, h.Version
		}
		return err
	})
	return value, v, err
}

// PutState implements ports.Stater.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (v ports.Version, err error) {
	err = s.change(ctx, "put state", func(d directory) (err error) {
		v, err = d.entry(states, name).write(ctx, head{}, value, ifVersion)
		return err
	})
	return v, err
}

// ExpireState implements ports.Stater. Nothing expires here but at once: somebody who
// keeps files in a directory can remove old ones.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	if lasts > 0 {
		return s.do(ctx, "expire state", func(directory) error { return nil })
	}
	return s.change(ctx, "expire state", func(d directory) error {
		_, err := d.entry(states, name).remove()
		return err
	})
}

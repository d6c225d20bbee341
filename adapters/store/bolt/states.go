package bolt

import (
	"context"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater.
func (s *store) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = s.call(ctx, "get state", func() error {
		return s.file.view(func(tx *bbolt.Tx) error {
			h, err := states().head(tx, name)
			if err == nil {
				value, err = states().body(tx, name, h)
			}
			v = h.version
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	return value, v, nil
}

// PutState implements ports.Stater. A corrupt state counts as absent.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (version ports.Version, err error) {
	err = s.call(ctx, "put state", func() error {
		if err := checkName("name", name); err != nil {
			return err
		}
		version, err = s.replace(ctx, states(), name, head{}, value, ifVersion)
		return err
	})
	return version, err
}

// ExpireState implements ports.Stater. The file belongs to one process, which removes
// what it does not need any more: nothing expires.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return s.call(ctx, "expire state", func() error {
		if lasts > 0 {
			return nil
		}
		_, err := s.remove(ctx, states(), name)
		return err
	})
}

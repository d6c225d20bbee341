package bolt

import (
	"context"
	"errors"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater.
func (s *store) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	const call = "get state"
	if err := s.life.Enter(ctx); err != nil {
		return nil, "", failure(call, err)
	}
	defer s.life.Leave()
	var h head
	err = s.file.view(func(tx *bbolt.Tx) error {
		if h, err = states().head(tx, name); err == nil {
			value, err = states().body(tx, name, h)
		}
		return err
	})
	if err != nil {
		return nil, "", failure(call, err)
	}
	return value, h.version, nil
}

// PutState implements ports.Stater. A corrupt state counts as absent.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	const call = "put state"
	if err := s.life.Enter(ctx); err != nil {
		return "", failure(call, err)
	}
	defer s.life.Leave()
	if err := checkName("name", name); err != nil {
		return "", failure(call, err)
	}
	var version ports.Version
	err := s.writer.do(ctx, len(value), func(tx *bbolt.Tx) (err error) {
		version, err = states().put(tx, name, head{}, value, ifVersion, confirmation{})
		return err
	})
	if err != nil {
		return "", failure(call, err)
	}
	return version, nil
}

// ExpireState implements ports.Stater. The file belongs to one process, which removes
// what it does not need any more: nothing expires.
func (s *store) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	const call = "expire state"
	if err := s.life.Enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.life.Leave()
	if lasts > 0 {
		return nil
	}
	err := s.writer.do(ctx, 0, func(tx *bbolt.Tx) error { return states().delete(tx, name) })
	if err != nil && !errors.Is(err, errUnchanged) {
		return failure(call, err)
	}
	return nil
}

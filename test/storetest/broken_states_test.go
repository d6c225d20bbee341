package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func stateDefects() []defect {
	return []defect{
		{
			name: "states are records",
			wrap: func(s *shim, b *backend) {
				s.getState = func(ctx context.Context, name string) ([]byte, ports.Version, error) {
					r, err := s.get(ctx, domain.EnvironmentKey(name))
					return r.Body, r.Version, err
				}
				s.putState = func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
					return s.put(ctx, ports.Record{Key: domain.EnvironmentKey(name), Body: bytes.Clone(value)}, ifVersion)
				}
			},
			fails: []string{"name-spaces-apart"},
			open:  []string{"corrupt-state", "durable-after-*", "concurrent-use", "expire-state"},
		},
		{
			name: "states are overwritten",
			wrap: func(s *shim, b *backend) {
				put := s.putState
				s.putState = func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, name, value, ifVersion)
					for errors.Is(err, ports.ErrConflict) {
						_, v, _ = s.getState(ctx, name)
						v, err = put(ctx, name, value, v)
					}
					return v, err
				}
			},
			fails: []string{"state-compare-and-set", "put-state-loses-no-update", "expire-state"},
		},
		{
			name: "states do not expire",
			wrap: func(s *shim, b *backend) {
				s.expire = func(ctx context.Context, name string, lasts time.Duration) error {
					_, _, err := s.getState(ctx, name)
					if errors.Is(err, ports.ErrNotFound) {
						return nil
					}
					return err
				}
			},
			fails: []string{"expire-state"},
		},
		{
			name: "states expire at once",
			wrap: func(s *shim, b *backend) {
				expire := s.expire
				s.expire = func(ctx context.Context, name string, _ time.Duration) error { return expire(ctx, name, 0) }
			},
			fails: []string{"expire-state"},
		},
		{
			name: "state names are trimmed",
			wrap: func(s *shim, b *backend) {
				get, put := s.getState, s.putState
				s.getState = func(ctx context.Context, name string) ([]byte, ports.Version, error) {
					return get(ctx, strings.TrimSpace(name))
				}
				s.putState = func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
					return put(ctx, strings.TrimSpace(name), value, ifVersion)
				}
			},
			fails: []string{"odd-state-names"},
		},
		{
			name: "states keep the value they are given",
			wrap: func(s *shim, b *backend) {
				get, put := s.getState, s.putState
				s.putState = func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, name, value, ifVersion)
					if err == nil {
						b.shared.Store(v, value)
					}
					return v, err
				}
				s.getState = func(ctx context.Context, name string) ([]byte, ports.Version, error) {
					value, v, err := get(ctx, name)
					if kept, ok := b.shared.Load(v); ok && err == nil {
						value = kept.([]byte)
					}
					return value, v, err
				}
			},
			fails: []string{"state-value-ownership"},
		},
	}
}

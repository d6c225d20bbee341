package redis

import (
	"context"

	"github.com/edge-proxy/edge-proxy/ports"
)

// GetState implements ports.Stater.
func (s *store) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	e, value, err := s.whole(ctx, "get state", s.names.state(name))
	if err != nil {
		return nil, "", err
	}
	return value, ports.Version(e.version), nil
}

// PutState implements ports.Stater. States do not expire.
func (s *store) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	return s.replace(ctx, "put state", s.names.state(name), entry{}, value, ifVersion, keeping{})
}

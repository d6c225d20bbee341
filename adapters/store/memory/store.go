package memory

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/leases"
	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
	"github.com/edge-proxy/edge-proxy/adapters/store/internal/wakes"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// store is a ports.Store in the memory of the process.
type store struct {
	*leases.Leaser
	life    *lifecycle.Lifecycle
	watches wakes.Set
	epoch   string // begins the versions; random, so that no other store has them

	mu      sync.Mutex // taken before that of a watcher; nothing slow is done under it
	changes uint64
	records map[domain.EnvironmentKey]ports.Record
	states  map[string]state
}

type state struct {
	value   []byte
	version ports.Version
}

func newStore(now func() time.Time) *store {
	s := &store{
		life:    lifecycle.New(),
		epoch:   rand.Text(),
		records: make(map[domain.EnvironmentKey]ports.Record),
		states:  make(map[string]state),
	}
	s.Leaser = leases.New(now, func(ctx context.Context, _ string, f func() error) error { return s.life.Call(ctx, f) })
	return s
}

// locked runs f as a call of the store, with s.mu held.
func (s *store) locked(ctx context.Context, f func() error) error {
	return s.life.Call(ctx, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return f()
	})
}

// Watch implements ports.Watcher. It calls wake from the caller's goroutine.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	return s.life.Call(ctx, func() error { return s.watches.Watch(ctx, s.life, keys, wake) })
}

// Exclusive implements ports.Exclusive: no other process has this memory.
func (s *store) Exclusive() bool { return true }

// Close implements ports.Store.
func (s *store) Close() error { return s.life.Close(func() error { return nil }) }

// nextVersion needs s.mu.
func (s *store) nextVersion() ports.Version {
	s.changes++
	return ports.Version(s.epoch + "-" + strconv.FormatUint(s.changes, 10))
}

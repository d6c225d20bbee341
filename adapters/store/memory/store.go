package memory

import (
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
	life    *lifecycle.Lifecycle
	now     func() time.Time
	watches wakes.Set
	leases  leases.Table
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
	return &store{
		life:    lifecycle.New(),
		now:     now,
		epoch:   rand.Text(),
		records: make(map[domain.EnvironmentKey]ports.Record),
		states:  make(map[string]state),
	}
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

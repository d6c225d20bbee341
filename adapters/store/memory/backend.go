package memory

import (
	"context"
	"crypto/rand"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
	"github.com/edge-proxy/edge-proxy/adapters/store/internal/wakes"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Backend is what the handles of a store share. It is safe for concurrent use
// and ends with its last reference.
type Backend struct {
	epoch string // begins the versions; random, so that no other backend has them

	mu      sync.Mutex // taken before that of a watcher; nothing slow is done under it
	changes uint64
	records map[domain.EnvironmentKey]record
	states  map[string]state
	leases  map[string]lease
	watches wakes.Set
}

type state struct {
	value   []byte
	version ports.Version
}

type lease struct {
	holder string
	until  time.Time
}

// NewBackend returns an empty backend.
func NewBackend() *Backend {
	return &Backend{
		epoch:   rand.Text(),
		records: make(map[domain.EnvironmentKey]record),
		states:  make(map[string]state),
		leases:  make(map[string]lease),
	}
}

// Open opens a handle on b, beside those that are open already; each is closed
// on its own. It is a ports.OpenStore and takes the URL "memory:". Leases are
// measured by d.Now: it should be one clock for all handles.
func (b *Backend) Open(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	if err := CheckURL(u); err != nil {
		return nil, err
	}
	return &store{life: lifecycle.New(), backend: b, now: d.Now}, nil
}

// Wipe loses all data, as a server that is restarted does. Handles stay open, and
// watchers hear nothing of it.
func (b *Backend) Wipe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.records)
	clear(b.states)
	clear(b.leases)
}

// nextVersion needs b.mu.
func (b *Backend) nextVersion() ports.Version {
	b.changes++
	return ports.Version(b.epoch + "-" + strconv.FormatUint(b.changes, 10))
}

package memory

import (
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
)

// store is one handle on a backend.
type store struct {
	life    *lifecycle.Lifecycle
	backend *Backend
	alone   bool // no other handle can be opened on the backend
	now     func() time.Time
}

// Exclusive implements ports.Exclusive.
func (s *store) Exclusive() bool { return s.alone }

// Close implements ports.Store. The data stays with the backend.
func (s *store) Close() error { return s.life.Close(func() error { return nil }) }

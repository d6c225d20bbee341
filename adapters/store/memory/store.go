package memory

import (
	"context"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// store is one handle on a backend.
type store struct {
	backend *Backend
	alone   bool // no other handle can be opened on the backend
	now     func() time.Time
	closing chan struct{} // closed by Close

	mu     sync.Mutex // guards closed, and calls from growing after it
	closed bool
	calls  sync.WaitGroup
}

// enter begins a call, unless the store is closed or ctx has ended. Without an
// error, leave ends it.
func (s *store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ports.ErrClosed
	}
	s.calls.Add(1)
	return nil
}

func (s *store) leave() { s.calls.Done() }

// Exclusive implements ports.Exclusive.
func (s *store) Exclusive() bool { return s.alone }

// Close implements ports.Store. The data stays with the backend.
func (s *store) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.calls.Wait()
	return nil
}

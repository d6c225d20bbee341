package bolt

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// store is a ports.Store in a file.
type store struct {
	file          *file
	writer        *writer
	confirmations *confirmations
	watches       watches
	leases        leases
	logger        *slog.Logger
	now           func() time.Time

	// life ends when Close begins; it bounds Watches.
	life    context.Context
	endLife context.CancelFunc

	close    sync.Once
	closeErr error
	calls    sync.WaitGroup // calls under way

	mu     sync.Mutex // guards the following
	closed bool
}

func newStore(f *file, d ports.StoreDeps) *store {
	life, endLife := context.WithCancel(context.Background())
	c := newConfirmations()
	s := &store{
		file:          f,
		writer:        newWriter(f, c, d.Logger),
		confirmations: c,
		logger:        d.Logger,
		now:           d.Now,
		life:          life,
		endLife:       endLife,
	}
	go s.writer.run()
	return s
}

// Exclusive implements ports.Exclusive: the file is locked for this process.
func (s *store) Exclusive() bool { return true }

// Close implements ports.Store. Its error is that the last confirmations, or the end
// of the file, could not be written; the store is closed all the same.
func (s *store) Close() error {
	first := false
	s.close.Do(func() {
		first = true
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.endLife()
		s.calls.Wait()
		s.closeErr = s.writer.stop()
		if err := s.file.close(); s.closeErr == nil {
			s.closeErr = err
		}
	})
	if first {
		return failure("close", s.closeErr)
	}
	return nil
}

// enter begins a call, unless ctx has ended or the store is closed. After nil the
// call has to leave.
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

func recordOf(key domain.EnvironmentKey, h head, confirmed confirmation) ports.Record {
	return ports.Record{
		Key:       key,
		UpdatedAt: h.updatedAt,
		CheckedAt: confirmed.latest(h),
		Version:   h.version,
	}
}

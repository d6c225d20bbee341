package bolt

import (
	"context"
	"log/slog"
	"os"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/leases"
	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
	"github.com/edge-proxy/edge-proxy/adapters/store/internal/wakes"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// store is a ports.Store in a file.
type store struct {
	*leases.Leaser
	file          *file
	writer        *writer
	confirmations *confirmations
	life          *lifecycle.Lifecycle
	watches       wakes.Set
	logger        *slog.Logger
}

func newStore(f *file, d ports.StoreDeps) *store {
	c := newConfirmations()
	s := &store{
		file:          f,
		writer:        newWriter(f, c, d.Logger),
		confirmations: c,
		logger:        d.Logger,
		life:          lifecycle.New(),
	}
	s.Leaser = leases.New(d.Now, s.call)
	f.replaced = s.watches.ChangedAll
	go s.writer.run()
	return s
}

// call runs f as a call of the store. name is what failure says of it.
func (s *store) call(ctx context.Context, name string, f func() error) error {
	return failure(name, s.life.Call(ctx, f))
}

// Watch implements ports.Watcher. It calls wake from the caller's goroutine.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	return s.call(ctx, "watch", func() error { return s.watches.Watch(ctx, s.life, keys, wake) })
}

// Exclusive implements ports.Exclusive: the file is locked for this process.
func (s *store) Exclusive() bool { return true }

// Close implements ports.Store. Its error is that the last confirmations, or the end
// of the file, could not be written; the store is closed all the same.
func (s *store) Close() error {
	return failure("close", s.life.Close(func() error {
		err := s.writer.stop()
		if closeErr := s.file.close(); err == nil {
			err = closeErr
		}
		return err
	}))
}

func recordOf(key domain.EnvironmentKey, h head, confirmed confirmation) ports.Record {
	return ports.Record{
		Key:       key,
		UpdatedAt: h.updatedAt,
		CheckedAt: confirmed.latest(h),
		Version:   h.version,
	}
}

var _ ports.Sized = (*store)(nil)

// Size implements ports.Sized.
func (s *store) Size() (int64, error) {
	info, err := os.Stat(s.file.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// store is a ports.Store in a directory. It keeps nothing in memory that others
// would have to know.
type store struct {
	path string
	now  func() time.Time
	turn chan struct{} // holds one while a call of this store changes something

	life context.Context // ends when Close begins
	end  context.CancelFunc

	mu     sync.Mutex // guards closed, and calls from growing after it
	closed bool
	calls  sync.WaitGroup
}

func newStore(path string, now func() time.Time) *store {
	life, end := context.WithCancel(context.Background())
	return &store{path: path, now: now, turn: make(chan struct{}, 1), life: life, end: end}
}

// Close implements ports.Store. Nothing is delayed, so there is nothing to write.
func (s *store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.calls.Wait()
	return nil
}

// do makes a call of the store: it calls f, unless ctx has ended or the store is
// closed, and gives its error the form that the port promises. The directory is
// opened for each call: all that f does, it does in the same one, whatever is
// mounted or renamed meanwhile.
func (s *store) do(ctx context.Context, call string, f func(directory) error) error {
	if err := ctx.Err(); err != nil {
		return failure(call, err)
	}
	if !s.enter() {
		return failure(call, ports.ErrClosed)
	}
	defer s.calls.Done()
	return failure(call, s.inDirectory(f))
}

// change is do for a call that changes something: f has the lock.
func (s *store) change(ctx context.Context, call string, f func(directory) error) error {
	return s.do(ctx, call, func(d directory) error {
		// One of this store's calls at a time waits for the lock, so that they get
		// it in the order they came.
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
		return d.locked(ctx, func() error { return f(d) })
	})
}

func (s *store) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

func (s *store) inDirectory(f func(directory) error) error {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		// Not there is not empty: the caller must not take records for deleted.
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	defer func() { _ = root.Close() }()
	return f(directory{root})
}

// failure adds the name of the call to an error. Whatever is neither the port's nor the
// context's means that the directory cannot be used now: a full disk, a lost mount,
// a missing permission.
func failure(call string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		ports.ErrNotFound, ports.ErrConflict, ports.ErrCorrupt, ports.ErrUnavailable, ports.ErrClosed,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return fmt.Errorf("filestore: %s: %w", call, err)
		}
	}
	return fmt.Errorf("filestore: %s: %w: %w", call, ports.ErrUnavailable, err)
}

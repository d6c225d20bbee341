// Package lifecycle ends a store in the order that ports.Store promises: calls that
// come after Close fail, Close waits for the calls in progress, and resources are
// released once.
package lifecycle

import (
	"context"
	"sync"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Lifecycle counts the calls in progress of one store. It is safe for concurrent
// use; make it with New.
type Lifecycle struct {
	life    context.Context
	endLife context.CancelFunc

	mu     sync.Mutex // keeps calls from growing once closed is set
	closed bool
	calls  sync.WaitGroup

	once sync.Once
}

// New returns the lifecycle of a store that is open.
func New() *Lifecycle {
	l := new(Lifecycle)
	l.life, l.endLife = context.WithCancel(context.Background())
	return l
}

// Enter begins a call. It returns ctx's error if ctx has ended and ports.ErrClosed
// after Close. Without an error the caller must call Leave.
func (l *Lifecycle) Enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ports.ErrClosed
	}
	l.calls.Add(1)
	return nil
}

// Leave ends a call.
func (l *Lifecycle) Leave() { l.calls.Done() }

// Call runs f between Enter and Leave. It returns Enter's error or f's.
func (l *Lifecycle) Call(ctx context.Context, f func() error) error {
	if err := l.Enter(ctx); err != nil {
		return err
	}
	defer l.Leave()
	return f()
}

// Go runs work on a goroutine that Close waits for. It must be called between Enter
// and Leave.
func (l *Lifecycle) Go(work func()) { l.calls.Go(work) }

// Context returns a context that ends when Close begins.
func (l *Lifecycle) Context() context.Context { return l.life }

// Ended returns ctx's error, or ports.ErrClosed when Close has begun, or nil.
func (l *Lifecycle) Ended(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case l.life.Err() != nil:
		return ports.ErrClosed
	}
	return nil
}

// Close ends the store: it waits for the calls in progress and then calls release,
// once however often Close is called. The first call returns release's error, later
// ones nil, when the first is done.
func (l *Lifecycle) Close(release func() error) error {
	var err error
	l.once.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.endLife()
		l.calls.Wait()
		err = release()
	})
	return err
}

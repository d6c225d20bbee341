package app

import (
	"context"
	"sync/atomic"
)

// semaphore bounds how many goroutines do something at one time. It is safe for
// concurrent use.
type semaphore struct{ slots atomic.Pointer[chan struct{}] }

func newSemaphore(size int) *semaphore {
	s := &semaphore{}
	s.resize(size)
	return s
}

// resize changes the bound for those who acquire from now on. Those who hold a slot
// keep it.
func (s *semaphore) resize(size int) {
	slots := make(chan struct{}, size)
	s.slots.Store(&slots)
}

// acquire waits for a slot. It returns the function that gives the slot back, or the
// context's error.
func (s *semaphore) acquire(ctx context.Context) (release func(), err error) {
	slots := *s.slots.Load()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

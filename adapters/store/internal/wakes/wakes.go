// Package wakes delivers changes of records to the Watch calls of a store.
package wakes

import (
	"context"
	"sync"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Set is the set of Watch calls in progress. Its zero value is empty and ready. It is
// safe for concurrent use.
type Set struct {
	mu       sync.RWMutex
	watchers map[*Watcher]struct{}
}

// Watch implements ports.Watcher for a store that calls Changed after each change.
func (s *Set) Watch(ctx context.Context, l *lifecycle.Lifecycle, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	w := NewWatcher(keys)
	s.Add(w)
	defer s.Remove(w)
	w.AddAll()
	for {
		if err := w.Deliver(ctx, l, wake); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-l.Context().Done():
		case <-w.Ready():
		}
	}
}

// Add begins to deliver changes to w.
func (s *Set) Add(w *Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = make(map[*Watcher]struct{})
	}
	s.watchers[w] = struct{}{}
}

// Remove ends what Add began and reports whether w was the last watcher.
func (s *Set) Remove(w *Watcher) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, w)
	return len(s.watchers) == 0
}

// Changed adds a change of key to all watchers. It does not wait for their wakes.
func (s *Set) Changed(key domain.EnvironmentKey) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := range s.watchers {
		w.add(key)
	}
}

// ChangedAll is Changed for every key.
func (s *Set) ChangedAll() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := range s.watchers {
		w.AddAll()
	}
}

// Watcher holds the keys that one Watch follows and those that are due for a wake,
// each once however often it changed. It is safe for concurrent use.
type Watcher struct {
	ready chan struct{} // holds one when there may be keys due

	mu    sync.Mutex
	due   map[domain.EnvironmentKey]bool // of all that are watched
	queue []domain.EnvironmentKey        // the keys due, oldest first
}

// NewWatcher returns a watcher of keys, none of which is due.
func NewWatcher(keys []domain.EnvironmentKey) *Watcher {
	w := &Watcher{ready: make(chan struct{}, 1), due: make(map[domain.EnvironmentKey]bool, len(keys))}
	for _, key := range keys {
		w.due[key] = false
	}
	return w
}

// Ready returns a channel that holds a value when keys may be due.
func (w *Watcher) Ready() <-chan struct{} { return w.ready }

// AddAll makes all keys due.
func (w *Watcher) AddAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.due {
		w.makeDue(key)
	}
}

func (w *Watcher) add(key domain.EnvironmentKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.makeDue(key)
}

// makeDue needs w.mu.
func (w *Watcher) makeDue(key domain.EnvironmentKey) {
	if due, watched := w.due[key]; due || !watched {
		return
	}
	w.due[key] = true
	w.queue = append(w.queue, key)
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// Deliver calls wake for the keys that are due, oldest first, until none is left.
// It returns ctx's error or ports.ErrClosed as soon as one of the two has ended.
func (w *Watcher) Deliver(ctx context.Context, l *lifecycle.Lifecycle, wake func(domain.EnvironmentKey)) error {
	for {
		if err := l.Ended(ctx); err != nil {
			return err
		}
		key, ok := w.next()
		if !ok {
			return nil
		}
		wake(key)
	}
}

func (w *Watcher) next() (key domain.EnvironmentKey, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return "", false
	}
	key, w.queue = w.queue[0], w.queue[1:]
	w.due[key] = false
	return key, true
}

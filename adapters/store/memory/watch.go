package memory

import (
	"context"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// watcher collects the changes that one Watch has yet to tell. What it holds is
// bounded by its keys, however slow the one it tells.
type watcher struct {
	keys  map[domain.EnvironmentKey]struct{}
	ready chan struct{} // holds one when pending is not empty

	mu      sync.Mutex
	pending map[domain.EnvironmentKey]struct{}
}

// note adds a change of key, if w is for it, and never blocks.
func (w *watcher) note(key domain.EnvironmentKey) {
	if _, asked := w.keys[key]; !asked {
		return
	}
	w.mu.Lock()
	w.pending[key] = struct{}{}
	w.mu.Unlock()
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// take returns one of the pending keys, if there is one.
func (w *watcher) take() (domain.EnvironmentKey, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.pending {
		delete(w.pending, key)
		return key, true
	}
	return "", false
}

// Watch implements ports.Watcher. It calls wake from the caller's goroutine.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()

	w := &watcher{
		keys:    make(map[domain.EnvironmentKey]struct{}, len(keys)),
		ready:   make(chan struct{}, 1),
		pending: make(map[domain.EnvironmentKey]struct{}, len(keys)),
	}
	for _, key := range keys {
		w.keys[key] = struct{}{}
		w.note(key)
	}
	s.backend.subscribe(w)
	defer s.backend.unsubscribe(w)

	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing:
			return ports.ErrClosed
		case <-w.ready:
		}
		for key, ok := w.take(); ok; key, ok = w.take() {
			if err := s.ended(ctx); err != nil {
				return err
			}
			wake(key)
		}
	}
}

// ended returns why a Watch has to end, or nil.
func (s *store) ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ports.ErrClosed
	default:
		return nil
	}
}

func (b *Backend) subscribe(w *watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[w] = struct{}{}
}

func (b *Backend) unsubscribe(w *watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers, w)
}

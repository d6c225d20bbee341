package redis

import (
	"context"
	"fmt"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Watch implements ports.Watcher. All Watches of a store share one subscription;
// when it breaks they return, each.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	const call = "watch"
	if err := ctx.Err(); err != nil {
		return failure(ctx, call, err)
	}
	if !s.enter() {
		return failure(ctx, call, ports.ErrClosed)
	}
	defer s.leave()

	w := newWatcher(keys)
	f := s.join(w)
	defer s.part(f, w)

	// What changes from here on is told to w; so the first wakes, which come
	// after, cover all that changed before.
	ready := f.ready
	for {
		select {
		case <-ctx.Done():
			return failure(ctx, call, ctx.Err())
		case <-s.life.Done():
			return failure(ctx, call, ports.ErrClosed)
		case <-f.done:
			return s.broken(ctx, call, f)
		case <-ready:
			ready = nil
			w.addAll()
		case <-w.news:
		}
		for key, ok := w.next(); ok; key, ok = w.next() {
			wake(key)
			if ctx.Err() != nil || s.life.Err() != nil {
				break // the select above says why
			}
		}
	}
}

// broken returns why f ended, which may be because the store was closed.
func (s *store) broken(ctx context.Context, call string, f *feed) error {
	if s.life.Err() != nil {
		return failure(ctx, call, ports.ErrClosed)
	}
	return failure(ctx, call, fmt.Errorf("subscription: %w", f.err))
}

// watcher is one Watch's side of the subscription: the keys it follows and those
// that changed since it last looked. However slow it is, each key waits once.
type watcher struct {
	news chan struct{} // holds one when there may be changed keys

	mu      sync.Mutex
	keys    map[domain.EnvironmentKey]struct{}
	waiting map[domain.EnvironmentKey]struct{}
	order   []domain.EnvironmentKey // of waiting, oldest first
}

func newWatcher(keys []domain.EnvironmentKey) *watcher {
	w := &watcher{
		news:    make(chan struct{}, 1),
		keys:    make(map[domain.EnvironmentKey]struct{}, len(keys)),
		waiting: make(map[domain.EnvironmentKey]struct{}),
	}
	for _, key := range keys {
		w.keys[key] = struct{}{}
	}
	return w
}

func (w *watcher) addAll() {
	for key := range w.keys {
		w.add(key)
	}
}

// add notes that key changed, if w follows it. It never blocks.
func (w *watcher) add(key domain.EnvironmentKey) {
	if _, follows := w.keys[key]; !follows {
		return
	}
	w.mu.Lock()
	if _, waits := w.waiting[key]; !waits {
		w.waiting[key] = struct{}{}
		w.order = append(w.order, key)
	}
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// next takes the key that waits longest.
func (w *watcher) next() (key domain.EnvironmentKey, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return "", false
	}
	key, w.order = w.order[0], w.order[1:]
	delete(w.waiting, key)
	return key, true
}

package bolt

import (
	"context"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Watch implements ports.Watcher.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	const call = "watch"
	if err := s.enter(ctx); err != nil {
		return failure(call, err)
	}
	defer s.leave()
	w := s.watches.begin(keys)
	defer s.watches.end(w)
	for {
		for key, ok := w.next(); ok; key, ok = w.next() {
			switch {
			case ctx.Err() != nil:
				return failure(call, ctx.Err())
			case s.life.Err() != nil:
				return failure(call, ports.ErrClosed)
			}
			wake(key)
		}
		select {
		case <-ctx.Done():
			return failure(call, ctx.Err())
		case <-s.life.Done():
			return failure(call, ports.ErrClosed)
		case <-w.ready:
		}
	}
}

// watches are the Watches under way.
type watches struct {
	mu    sync.RWMutex
	under map[*watch]struct{}
}

// begin returns a watch of keys, all of which are due for their first wake.
func (ws *watches) begin(keys []domain.EnvironmentKey) *watch {
	w := &watch{ready: make(chan struct{}, 1), due: make(map[domain.EnvironmentKey]bool, len(keys))}
	for _, key := range keys {
		w.due[key] = false
	}
	ws.mu.Lock()
	if ws.under == nil {
		ws.under = make(map[*watch]struct{})
	}
	ws.under[w] = struct{}{}
	ws.mu.Unlock()
	for _, key := range keys {
		w.add(key)
	}
	return w
}

func (ws *watches) end(w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.under, w)
}

// changed notes that key changed. It does not wait for anybody's wake.
func (ws *watches) changed(key domain.EnvironmentKey) {
	ws.mu.RLock()
	defer ws.mu.RUnlock()
	for w := range ws.under {
		w.add(key)
	}
}

// watch is one Watch's keys and those that are due for a wake, each once however
// often it changed.
type watch struct {
	ready chan struct{} // holds one when there may be keys due

	mu    sync.Mutex
	due   map[domain.EnvironmentKey]bool // of all that are watched
	queue []domain.EnvironmentKey        // those that are due, oldest first
}

func (w *watch) add(key domain.EnvironmentKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
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

// next takes the key that has been due for longest.
func (w *watch) next() (key domain.EnvironmentKey, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return "", false
	}
	key, w.queue = w.queue[0], w.queue[1:]
	w.due[key] = false
	return key, true
}

package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// watching is a Watch under way. It checks what holds for each of its wakes.
type watching struct {
	c      *check
	keys   []domain.EnvironmentKey
	cancel context.CancelFunc
	done   chan struct{} // closed when Watch has returned
	err    error         // what it returned; to be read after done

	mu       sync.Mutex
	within   int // wakes under way
	returned bool
	wakes    map[domain.EnvironmentKey]int
}

// watch begins to watch keys and returns when all of them have been woken for the
// first time. wake may be nil. The case is skipped where the store cannot watch.
func (h *handle) watch(keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) *watching {
	w := h.startWatch(keys, wake)
	h.c.eventually("Watch wakes every one of its keys once it is subscribed", func() bool {
		return w.ended() || w.wokeAll()
	})
	if w.ended() {
		if errors.Is(w.err, errors.ErrUnsupported) {
			h.c.skip("the store cannot watch: " + w.err.Error())
		}
		h.c.fatalf("Watch returned %v", w.err)
	}
	return w
}

// startWatch begins to watch keys; it is ended at the end of the case.
func (h *handle) startWatch(keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) *watching {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{
		c: h.c, keys: slices.Clone(keys), cancel: cancel,
		done: make(chan struct{}), wakes: make(map[domain.EnvironmentKey]int),
	}
	go func() {
		defer close(w.done)
		w.err = h.store.Watch(ctx, keys, func(key domain.EnvironmentKey) {
			w.enter(key)
			defer w.leave()
			if wake != nil {
				wake(key)
			}
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		w.returned = true
	}()
	h.c.cleanup(func() {
		cancel()
		if !h.c.holdsWithin(h.c.harness.Patience, w.ended) {
			h.c.errorf("Watch has not returned %v after its context ended", h.c.harness.Patience)
		}
	})
	return w
}

func (w *watching) enter(key domain.EnvironmentKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.returned:
		w.c.errorf("Watch called wake(%s) after it had returned", show(key))
	case w.within > 0:
		w.c.errorf("Watch called wake(%s) while another wake was under way", show(key))
	case !slices.Contains(w.keys, key):
		w.c.errorf("Watch called wake(%s), which it was not asked to watch", show(key))
	}
	w.within++
	w.wakes[key]++
}

func (w *watching) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.within--
}

func (w *watching) ended() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

func (w *watching) wokeAll() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range w.keys {
		if w.wakes[key] == 0 {
			return false
		}
	}
	return true
}

func (w *watching) count(key domain.EnvironmentKey) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wakes[key]
}

func (w *watching) total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := 0
	for _, n := range w.wakes {
		sum += n
	}
	return sum
}

// wantEnd waits until Watch returns and compares its error.
func (w *watching) wantEnd(when string, want error) {
	w.c.eventually("Watch returns "+when, w.ended)
	w.c.wantError("Watch "+when, w.err, want)
}

// follower keeps up with a store as nodes do: it reads what it is woken for, and
// nothing else. So it knows of a change only if a wake came after it.
type follower struct {
	h *handle

	mu       sync.Mutex
	versions map[domain.EnvironmentKey]ports.Version // "" where there is no record
}

// follow watches keys and reads each that is woken, from within wake.
func (h *handle) follow(keys ...domain.EnvironmentKey) (*follower, *watching) {
	f := &follower{h: h, versions: make(map[domain.EnvironmentKey]ports.Version)}
	return f, h.watch(keys, f.read)
}

func (f *follower) read(key domain.EnvironmentKey) {
	ctx, cancel := context.WithTimeout(context.Background(), f.h.limit)
	defer cancel()
	r, err := f.h.store.Stat(ctx, key)
	switch {
	case errors.Is(err, ports.ErrClosed), errors.Is(err, ports.ErrUnavailable):
		return
	case err != nil && !errors.Is(err, ports.ErrNotFound):
		f.h.c.errorf("Stat(%s) from within wake: %v", show(key), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions[key] = r.Version
}

func (f *follower) version(key domain.EnvironmentKey) ports.Version {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.versions[key]
}

// wantVersion waits until f was woken for key and read version v.
func (f *follower) wantVersion(what string, key domain.EnvironmentKey, v ports.Version) {
	f.h.c.eventually("Watch wakes "+show(key)+" after "+what, func() bool { return f.version(key) == v })
}

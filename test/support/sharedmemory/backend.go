// Package sharedmemory is a store in memory that several handles share, as several
// nodes share a Redis. Tests of fleets in one process use it.
package sharedmemory

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Backend is the data that handles share. It is safe for concurrent use.
type Backend struct {
	mu    sync.Mutex
	now   func() time.Time
	data  ports.Store
	wiped chan struct{} // closed when data is replaced
}

// New returns an empty backend.
func New() *Backend {
	b := &Backend{now: time.Now}
	b.Wipe()
	return b
}

// Open opens a handle. It is a ports.OpenStore for the URL "memory:". Leases are
// measured by the Now of the latest handle: it should be one clock for all.
func (b *Backend) Open(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	if u.Scheme != memory.Scheme {
		return nil, errors.New("sharedmemory: the scheme of the URL must be memory")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = d.Now
	return &handle{backend: b, closing: make(chan struct{})}, nil
}

// Wipe loses all data, as a server that is restarted does. Handles stay open.
func (b *Backend) Wipe() {
	data, err := memory.Open(context.Background(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: b.clock})
	if err != nil {
		panic(err) // the URL is right
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wiped != nil {
		close(b.wiped)
	}
	b.data, b.wiped = data, make(chan struct{})
}

func (b *Backend) clock() time.Time {
	b.mu.Lock()
	now := b.now
	b.mu.Unlock()
	return now()
}

func (b *Backend) current() (data ports.Store, wiped <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data, b.wiped
}

// handle is one ports.Store on a backend.
type handle struct {
	backend *Backend
	closing chan struct{}

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

// call runs f on the data, unless the handle is closed.
func (h *handle) call(f func(ports.Store) error) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ports.ErrClosed
	}
	h.calls.Add(1)
	h.mu.Unlock()
	defer h.calls.Done()
	data, _ := h.backend.current()
	return f(data)
}

func (h *handle) Get(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = h.call(func(s ports.Store) (err error) { r, err = s.Get(ctx, key); return err })
	return r, err
}

func (h *handle) Stat(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = h.call(func(s ports.Store) (err error) { r, err = s.Stat(ctx, key); return err })
	return r, err
}

func (h *handle) List(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
	err = h.call(func(s ports.Store) (err error) { keys, err = s.List(ctx); return err })
	return keys, err
}

func (h *handle) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (v ports.Version, err error) {
	err = h.call(func(s ports.Store) (err error) { v, err = s.Put(ctx, r, ifVersion); return err })
	return v, err
}

func (h *handle) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return h.call(func(s ports.Store) error { return s.Touch(ctx, key, v, checkedAt) })
}

func (h *handle) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return h.call(func(s ports.Store) error { return s.Delete(ctx, key) })
}

func (h *handle) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) (leases []ports.Lease, err error) {
	err = h.call(func(s ports.Store) (err error) { leases, err = s.TryLeases(ctx, claims, holder, ttl); return err })
	return leases, err
}

func (h *handle) Leases(ctx context.Context, names []string) (leases []ports.Lease, err error) {
	err = h.call(func(s ports.Store) (err error) { leases, err = s.Leases(ctx, names); return err })
	return leases, err
}

func (h *handle) DropLeases(ctx context.Context, names []string, holder string) error {
	return h.call(func(s ports.Store) error { return s.DropLeases(ctx, names, holder) })
}

func (h *handle) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = h.call(func(s ports.Store) (err error) { value, v, err = s.GetState(ctx, name); return err })
	return value, v, err
}

func (h *handle) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (v ports.Version, err error) {
	err = h.call(func(s ports.Store) (err error) { v, err = s.PutState(ctx, name, value, ifVersion); return err })
	return v, err
}

func (h *handle) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return h.call(func(s ports.Store) error { return s.ExpireState(ctx, name, lasts) })
}

// Watch follows the data over a Wipe, after which it wakes every key again.
func (h *handle) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	return h.call(func(ports.Store) error {
		for {
			data, wiped := h.backend.current()
			watching, cancel := context.WithCancel(ctx)
			stop := make(chan struct{})
			var ending sync.WaitGroup
			ending.Go(func() {
				select {
				case <-h.closing:
				case <-wiped:
				case <-stop:
				}
				cancel()
			})
			err := data.Watch(watching, keys, wake)
			close(stop)
			ending.Wait()
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case h.isClosed():
				return ports.ErrClosed
			case watching.Err() == nil:
				return err
			}
		}
	})
}

func (h *handle) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Close ends the handle. The data stays with the backend.
func (h *handle) Close() error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
	h.mu.Unlock()
	h.calls.Wait()
	return nil
}

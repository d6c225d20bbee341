package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// storeFaults are what is wrong with the store, or with the way to it.
type storeFaults struct {
	down   int          // 1: it refuses calls, 2: it does not answer
	cutOff map[int]bool // nodes that do not reach it
	slow   bool
	doubt  bool // some calls take effect, and the answer is lost
	deaf   bool // most wakes are lost
}

func (f storeFaults) some() bool {
	return f.down != 0 || len(f.cutOff) > 0 || f.slow || f.doubt || f.deaf
}

// store is the store of the fleet.
type store struct {
	w       *world
	backend *sharedmemory.Backend
	faults  storeFaults
	broken  chan struct{} // closed when all watches break
	// touched is when the record was last written for good, for a durable store: a crash may
	// lose what only Touch wrote since.
	touched map[domain.EnvironmentKey]time.Time
	// writers has the process that last wrote each state.
	writers map[string]*life
}

func newStore(w *world) *store {
	return &store{w: w, backend: sharedmemory.New(), faults: storeFaults{cutOff: map[int]bool{}}, broken: make(chan struct{}), touched: map[domain.EnvironmentKey]time.Time{}, writers: map[string]*life{}}
}

func (s *store) fails(change func(*storeFaults)) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	change(&s.faults)
	if s.faults.down != 0 || len(s.faults.cutOff) > 0 {
		s.breakLocked()
	}
}

func (s *store) recover() {
	s.fails(func(f *storeFaults) { *f = storeFaults{cutOff: map[int]bool{}} })
}

func (s *store) breakWatches() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.breakLocked()
}

func (s *store) breakLocked() {
	close(s.broken)
	s.broken = make(chan struct{})
}

// wipe loses all data, as a server without persistence does when it is restarted.
func (s *store) wipe() {
	s.backend.Wipe()
	s.breakWatches()
}

// crashed loses what a durable store may lose with its process: times of confirmations that
// were not written for good.
func (s *store) crashed() {
	ctx, data := context.Background(), s.open(time.Now)
	defer data.Close()
	keys, _ := data.List(ctx)
	for _, key := range keys {
		read, err := data.Get(ctx, key)
		if err != nil || !read.CheckedAt.After(s.touched[key]) {
			continue
		}
		if err := data.Delete(ctx, key); err == nil {
			read.CheckedAt = s.touched[key]
			_, _ = data.Put(ctx, read, "")
		}
	}
}

// spooled returns how many requests wait in the spool that a process has written and were not
// counted. What an earlier process has left is not among those that this one has counted, even
// if both have the same name.
func (s *store) spooled(l *life) (n int64) {
	ctx, data := context.Background(), s.open(time.Now)
	defer data.Close()
	for number := range 100 {
		name := fmt.Sprintf("usage/spool/%d", number)
		value, _, err := data.GetState(ctx, name)
		var spool struct {
			Batches []struct {
				Key  string
				Rows []struct{ Count int64 }
			}
		}
		if err != nil || json.Unmarshal(value, &spool) != nil || s.writer(name) != l {
			continue
		}
		for _, b := range spool.Batches {
			if _, came := s.w.upstream.batches[b.Key]; came {
				continue
			}
			for _, r := range b.Rows {
				n += r.Count
			}
		}
	}
	return n
}

// writer returns the process that last wrote a state.
func (s *store) writer(name string) *life {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.writers[name]
}

// open returns a handle without faults.
func (s *store) open(now func() time.Time) ports.Store {
	data, err := s.backend.Open(context.Background(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err) // the URL is right
	}
	return data
}

// handle is the store as one process reaches it.
type handle struct {
	ports.Store
	store *store
	life  *life
}

// exclusive is the handle of a process that has the store for itself.
type exclusive struct{ handle }

// Exclusive implements ports.Exclusive.
func (exclusive) Exclusive() bool { return true }

// call makes one call: a way there, an effect at one moment, and a way back.
func (h handle) call(ctx context.Context, kind, name string, effect func() error) error {
	if err := h.life.awake(ctx); err != nil {
		return err
	}
	r := h.store.w.dice.at(time.Now(), h.life.name, kind, name)
	h.store.w.mu.Lock()
	f := h.store.faults
	cut := f.cutOff[h.life.node.index]
	h.store.w.mu.Unlock()
	low, high := 50*time.Microsecond, 2*time.Millisecond
	if f.slow {
		low, high = 10*time.Millisecond, 3*time.Second
	}
	switch {
	case f.down == 1:
		if err := h.life.wait(ctx, between(r, low, high)); err != nil {
			return err
		}
		return fmt.Errorf("%w: connection refused", ports.ErrUnavailable)
	case f.down == 2 || cut:
		return h.life.wait(ctx, time.Hour)
	}
	if err := h.life.wait(ctx, between(r, low, high)); err != nil {
		return err
	}
	err := effect()
	h.store.w.note("%s: %s %s: %s", h.life.name, kind, name, resultOf(err))
	// A spool of usage may count twice if it is not known whether a write has arrived and
	// another process takes the spool over, as the documentation of app/reporting says.
	if kind == "put state" && strings.HasPrefix(name, "usage/") && !h.store.w.plan.settings.durable {
		return err
	}
	if waited := h.life.wait(ctx, between(r, low, high)); waited != nil {
		return waited
	}
	if f.doubt && chance(r, 4) {
		return fmt.Errorf("%w: the connection was lost", ports.ErrUnavailable)
	}
	return err
}

func resultOf(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func (h handle) Get(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = h.call(ctx, "get", string(key), func() (err error) {
		if r, err = h.Store.Get(ctx, key); err == nil {
			h.life.read(key, r)
		}
		return err
	})
	return r, err
}

func (h handle) Stat(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
	err = h.call(ctx, "stat", string(key), func() (err error) { r, err = h.Store.Stat(ctx, key); return err })
	return r, err
}

func (h handle) List(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
	err = h.call(ctx, "list", "", func() (err error) { keys, err = h.Store.List(ctx); return err })
	return keys, err
}

func (h handle) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (v ports.Version, err error) {
	err = h.call(ctx, "put", string(r.Key), func() (err error) {
		if v, err = h.Store.Put(ctx, r, ifVersion); err == nil {
			h.store.w.mu.Lock()
			h.store.touched[r.Key] = r.CheckedAt
			h.store.w.mu.Unlock()
		}
		return err
	})
	return v, err
}

func (h handle) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return h.call(ctx, "touch", string(key), func() error { return h.Store.Touch(ctx, key, v, checkedAt) })
}

func (h handle) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return h.call(ctx, "delete", string(key), func() error { return h.Store.Delete(ctx, key) })
}

func (h handle) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = h.call(ctx, "get state", name, func() (err error) { value, v, err = h.Store.GetState(ctx, name); return err })
	return value, v, err
}

func (h handle) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (v ports.Version, err error) {
	err = h.call(ctx, "put state", name, func() (err error) {
		if v, err = h.Store.PutState(ctx, name, value, ifVersion); err == nil {
			h.store.w.mu.Lock()
			h.store.writers[name] = h.life
			h.store.w.mu.Unlock()
		}
		return err
	})
	return v, err
}

func (h handle) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return h.call(ctx, "expire state", name, func() error { return h.Store.ExpireState(ctx, name, lasts) })
}

func (h handle) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) (leases []ports.Lease, err error) {
	names := make([]string, len(claims))
	for i, c := range claims {
		names[i] = c.Name
	}
	err = h.call(ctx, "try leases", namesOf(names), func() (err error) {
		leases, err = h.Store.TryLeases(ctx, claims, holder, ttl)
		return err
	})
	return h.byOwnClock(leases), err
}

func (h handle) Leases(ctx context.Context, names []string) (leases []ports.Lease, err error) {
	err = h.call(ctx, "leases", namesOf(names), func() (err error) { leases, err = h.Store.Leases(ctx, names); return err })
	return h.byOwnClock(leases), err
}

func (h handle) DropLeases(ctx context.Context, names []string, holder string) error {
	return h.call(ctx, "drop leases", namesOf(names), func() error { return h.Store.DropLeases(ctx, names, holder) })
}

// byOwnClock has leases run out by the clock of the node, as the port demands.
func (h handle) byOwnClock(leases []ports.Lease) []ports.Lease {
	for i := range leases {
		if !leases[i].Until.IsZero() {
			leases[i].Until = leases[i].Until.Add(h.life.node.ahead())
		}
	}
	return leases
}

// namesOf returns names as one text that does not depend on their order.
func namesOf(names []string) string {
	names = append([]string(nil), names...)
	sort.Strings(names)
	return strings.Join(names, " ")
}

// Watch passes on most wakes, some time after the change, until the subscription breaks.
func (h handle) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	if err := h.life.awake(ctx); err != nil {
		return err
	}
	w := h.store.w
	w.mu.Lock()
	f, broken := h.store.faults, h.store.broken
	w.mu.Unlock()
	if f.down != 0 || f.cutOff[h.life.node.index] {
		return ports.ErrUnavailable
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-broken:
			cancel()
		case <-watching.Done():
		}
	}()
	var waking sync.WaitGroup
	turn := make(chan struct{}, 1) // wake is called from one goroutine at a time
	err := h.Store.Watch(watching, keys, func(key domain.EnvironmentKey) {
		waking.Go(func() {
			r := w.dice.at(time.Now(), h.life.name, "wake", string(key))
			if h.life.awake(watching) != nil || h.life.wait(watching, between(r, 100*time.Microsecond, 5*time.Millisecond)) != nil {
				return
			}
			w.mu.Lock()
			lost := h.store.faults.deaf && !chance(r, 5)
			w.mu.Unlock()
			if !lost {
				turn <- struct{}{}
				wake(key)
				<-turn
			}
		})
	})
	cancel()
	waking.Wait()
	<-ended
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if watching.Err() != nil && err != ports.ErrClosed {
		return ports.ErrUnavailable
	}
	return err
}

// Close implements ports.Store. A process that is gone closes nothing, but its handle ends.
func (h handle) Close() error { return h.Store.Close() }

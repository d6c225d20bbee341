package storetest_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// backend is a backend in memory to which everything can happen that a harness
// knows of. Stores on it keep the contract: they are what broken ones are made
// from.
type backend struct {
	memory *sharedmemory.Backend
	silent bool // when away it says nothing, instead of refusing

	mu            sync.Mutex
	now           time.Time
	away          chan struct{} // closed while the backend is away
	isAway        bool
	corrupt       map[domain.EnvironmentKey]ports.Version // damaged as long as the version stays
	corruptStates map[string]ports.Version
	onWipe        []func()
	onCrash       []func()

	shared sync.Map // what the handles of a broken store share
}

func newBackend(silent bool) *backend {
	return &backend{
		memory: sharedmemory.New(), silent: silent,
		now: time.Now(), away: make(chan struct{}),
		corrupt:       make(map[domain.EnvironmentKey]ports.Version),
		corruptStates: make(map[string]ports.Version),
	}
}

// harness returns one whose stores are made by wrap from ones that keep the
// contract; wrap may be nil.
func harness(silent bool, wrap func(ports.Store, *backend) ports.Store) storetest.Harness {
	return storetest.Harness{
		Shared:  true,
		Durable: true,
		New: func(*testing.T) storetest.Backend {
			b := newBackend(silent)
			return storetest.Backend{
				Open: func(t *testing.T) ports.Store {
					s := b.open()
					if wrap != nil {
						s = wrap(s, b)
					}
					return s
				},
				Wipe:    func(*testing.T) { b.wipe() },
				Break:   func(*testing.T) { b.leave() },
				Mend:    func(*testing.T) { b.comeBack() },
				Crash:   func(*testing.T) { b.crash() },
				Now:     b.time,
				Advance: b.advance,
				Corrupt: func(t *testing.T, key domain.EnvironmentKey) { b.damage(t, key) },
				CorruptState: func(t *testing.T, name string) {
					b.damageState(t, name)
				},
			}
		},
	}
}

func (b *backend) openMemory() ports.Store {
	s, err := b.memory.Open(context.Background(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{
		Now: b.time, Logger: slog.New(slog.DiscardHandler), ReadFile: os.ReadFile,
	})
	if err != nil {
		panic(err) // of the URL above
	}
	return s
}

func (b *backend) open() ports.Store {
	return &remote{Store: b.openMemory(), b: b, closed: make(chan struct{})}
}

func (b *backend) time() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *backend) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *backend) wipe() {
	b.memory.Wipe()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.onWipe {
		f()
	}
}

// crash changes nothing, unless a broken store says so.
func (b *backend) crash() {
	b.mu.Lock()
	hooks := b.onCrash
	b.mu.Unlock()
	for _, f := range hooks {
		f()
	}
}

func (b *backend) crashes(hook func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onCrash = append(b.onCrash, hook)
}

func (b *backend) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isAway = true
	close(b.away)
}

func (b *backend) comeBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isAway = false
	b.away = make(chan struct{})
}

func (b *backend) awayNow() (isAway bool, away chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isAway, b.away
}

func (b *backend) damage(t *testing.T, key domain.EnvironmentKey) {
	s := b.openMemory()
	r, err := s.Stat(t.Context(), key)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corrupt[key] = r.Version
}

func (b *backend) damageState(t *testing.T, name string) {
	s := b.openMemory()
	_, v, err := s.GetState(t.Context(), name)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corruptStates[name] = v
}

// damaged returns the version of the damaged record under key, or "".
func (b *backend) damaged(key domain.EnvironmentKey) ports.Version {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.corrupt[key]
}

func (b *backend) damagedState(name string) ports.Version {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.corruptStates[name]
}

// remote is a store in memory as if it were far away.
type remote struct {
	ports.Store
	b         *backend
	closeOnce sync.Once
	closed    chan struct{}
}

// timeout is how long a remote waits for a silent backend.
const timeout = 150 * time.Millisecond

// reach returns why the backend cannot be reached, if so.
func (s *remote) reach(ctx context.Context) error {
	select {
	case <-s.closed:
		return nil // the store underneath says so
	default:
	}
	if away, _ := s.b.awayNow(); !away || ctx.Err() != nil {
		return nil
	}
	if s.b.silent {
		patience := time.NewTimer(timeout)
		defer patience.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
		}
	}
	return ports.ErrUnavailable
}

func (s *remote) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	return s.Store.Close()
}

func (s *remote) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if err := s.reach(ctx); err != nil {
		return ports.Record{}, err
	}
	r, err := s.Store.Get(ctx, key)
	if err == nil && r.Version == s.b.damaged(key) {
		return ports.Record{}, ports.ErrCorrupt
	}
	return r, err
}

func (s *remote) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	r, err := s.Get(ctx, key)
	r.Body = nil
	return r, err
}

func (s *remote) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Store.List(ctx)
}

func (s *remote) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	if err := s.reach(ctx); err != nil {
		return "", err
	}
	v, err := s.Store.Put(ctx, r, ifVersion)
	if damaged := s.b.damaged(r.Key); damaged != "" && ifVersion == "" && errors.Is(err, ports.ErrConflict) {
		return s.Store.Put(ctx, r, damaged)
	}
	return v, err
}

func (s *remote) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.Touch(ctx, key, v, checkedAt)
}

func (s *remote) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *remote) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	_, away := s.b.awayNow()
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	cut := make(chan bool)
	go func() {
		select {
		case <-away:
			cancel()
			cut <- true
		case <-ended:
			cut <- false
		}
	}()
	err := s.Store.Watch(within, keys, wake)
	close(ended)
	if <-cut && ctx.Err() == nil && !errors.Is(err, ports.ErrClosed) {
		return ports.ErrUnavailable
	}
	return err
}

func (s *remote) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Store.TryLeases(ctx, claims, holder, ttl)
}

func (s *remote) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Store.Leases(ctx, names)
}

func (s *remote) DropLeases(ctx context.Context, names []string, holder string) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.DropLeases(ctx, names, holder)
}

func (s *remote) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	if err := s.reach(ctx); err != nil {
		return nil, "", err
	}
	value, v, err := s.Store.GetState(ctx, name)
	if err == nil && v == s.b.damagedState(name) {
		return nil, "", ports.ErrCorrupt
	}
	return value, v, err
}

func (s *remote) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	if err := s.reach(ctx); err != nil {
		return "", err
	}
	v, err := s.Store.PutState(ctx, name, value, ifVersion)
	if damaged := s.b.damagedState(name); damaged != "" && ifVersion == "" && errors.Is(err, ports.ErrConflict) {
		return s.Store.PutState(ctx, name, value, damaged)
	}
	return v, err
}

func (s *remote) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.ExpireState(ctx, name, lasts)
}

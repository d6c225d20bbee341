package app_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// As long as upstream does not go back, no node ever does, whatever answers late
// or fails, and in whatever order changes are announced.
func TestNoNodeGoesBackByItself(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runAdverseFleet(t, seeded(seed)) })
		})
	}
}

func runAdverseFleet(t *testing.T, random func() float64) {
	const nodes, step = 3, 50 * time.Millisecond
	u, b := newUpstream(), sharedmemory.New()
	newest := ""
	change := func() {
		newest = time.Now().Format("15:04:05.000")
		u.put(key, time.Now(), newest)
	}
	change()
	var (
		weather weather
		fleet   [nodes]*node
		tell    [nodes]func(domain.EnvironmentKey, time.Time)
		served  [nodes]string
	)
	for i := range fleet {
		stream := make(teller)
		fleet[i] = start(t, u, setup{name: fmt.Sprint("n", i), store: adverse{handle(t, b), &weather, random}, random: random, notifier: stream})
		tell[i] = <-stream
		pass(time.Second)
	}
	u.slow(func(domain.EnvironmentKey, int) time.Duration {
		if random() < 0.3 {
			return time.Duration(random() * float64(8*time.Second))
		}
		return time.Duration(random() * float64(100*time.Millisecond))
	})
	for range 4 * time.Minute / step {
		switch x := random(); {
		case x < 0.02:
			change()
			for _, told := range tell {
				if random() < 0.7 {
					told(key, time.Now())
				}
			}
		case x < 0.025:
			fleet[int(random()*nodes)].RefreshAll(t.Context())
		case x < 0.028:
			weather.away.Store(!weather.away.Load())
		case x < 0.031:
			weather.slow.Store(!weather.slow.Load())
		}
		pass(step)
		for i, n := range fleet {
			flag := n.flag(key)
			if flag < served[i] {
				t.Fatalf("%s went from %s to %s", n.config.Node, served[i], flag)
			}
			served[i] = flag
		}
	}

	u.slow(nil)
	weather.away.Store(false)
	weather.slow.Store(false)
	change()
	pass(3 * interval)
	for _, n := range fleet {
		n.serves(t, newest)
	}
}

// weather is what befalls the calls of a store.
type weather struct{ away, slow atomic.Bool }

// adverse is a store out in the weather. A call may fail, or answer late, before and
// after it did what it is for.
type adverse struct {
	ports.Store
	*weather
	random func() float64
}

func (s adverse) wait(ctx context.Context) error {
	if s.slow.Load() && s.random() < 0.3 {
		select {
		case <-time.After(time.Duration(s.random() * float64(3*time.Second))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.away.Load() {
		return ports.ErrUnavailable
	}
	return nil
}

// through calls f in the weather.
func through[T any](ctx context.Context, s adverse, f func() (T, error)) (T, error) {
	var none T
	if err := s.wait(ctx); err != nil {
		return none, err
	}
	value, err := f()
	if late := s.wait(ctx); late != nil {
		return none, late
	}
	return value, err
}

func (s adverse) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return through(ctx, s, func() (ports.Record, error) { return s.Store.Get(ctx, key) })
}

func (s adverse) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return through(ctx, s, func() (ports.Record, error) { return s.Store.Stat(ctx, key) })
}

func (s adverse) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	return through(ctx, s, func() (ports.Version, error) { return s.Store.Put(ctx, r, v) })
}

func (s adverse) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	_, err := through(ctx, s, func() (struct{}, error) { return struct{}{}, s.Store.Touch(ctx, key, v, checkedAt) })
	return err
}

func (s adverse) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	return through(ctx, s, func() ([]ports.Lease, error) { return s.Store.TryLeases(ctx, claims, holder, ttl) })
}

func (s adverse) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	return through(ctx, s, func() ([]ports.Lease, error) { return s.Store.Leases(ctx, names) })
}

package storetest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func watchDefects() []defect {
	return []defect{
		{
			name: "watch wakes nobody at first",
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					seen := make(map[domain.EnvironmentKey]bool)
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						if seen[key] {
							wake(key)
						}
						seen[key] = true
					})
				}
			},
			fails: []string{"watch-or-unsupported", "watch-first-wake", "watch-put"},
			open:  []string{"watch-*", "unavailable-watch", "concurrent-use", "close-waits-for-wake"},
		},
		{
			name:  "watch forgets what changes within a wake",
			wrap:  func(s *shim, b *backend) { s.watch = forgetful(s.watch) },
			fails: []string{"watch-slow-consumer"},
			open:  []string{"watch-*", "unavailable-watch", "corrupt-*", "close-waits-for-wake"},
		},
		{
			name: "a slow watcher holds writers up",
			wrap: func(s *shim, b *backend) {
				lock, _ := b.shared.LoadOrStore("lock", make(chan struct{}, 1))
				turn := lock.(chan struct{})
				put, watch := s.put, s.watch
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					select {
					case turn <- struct{}{}:
						<-turn
					case <-ctx.Done():
						return "", ctx.Err()
					}
					return put(ctx, r, ifVersion)
				}
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						turn <- struct{}{}
						defer func() { <-turn }()
						wake(key)
					})
				}
			},
			fails: []string{"watch-slow-consumer"},
		},
		{
			name: "watch wakes for all keys there are",
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					return watch(ctx, append(slices.Clone(keys), "A"), wake)
				}
			},
			fails: []string{"watch-only-its-keys", "watch-first-wake", "watch-put"},
			open:  []string{"watch-*", "unavailable-watch", "concurrent-use", "close-waits-for-wake"},
		},
		{
			name: "watch does not announce delete",
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					seen := make(map[domain.EnvironmentKey]bool)
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						_, err := s.stat(ctx, key)
						if !seen[key] || !errors.Is(err, ports.ErrNotFound) {
							wake(key)
						}
						seen[key] = true
					})
				}
			},
			fails: []string{"watch-delete"},
		},
		{
			name: "watch hears its own handle only",
			wrap: func(s *shim, b *backend) {
				var mu sync.Mutex
				own := make(map[ports.Version]bool)
				put, watch := s.put, s.watch
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					mu.Lock()
					defer mu.Unlock()
					v, err := put(ctx, r, ifVersion)
					own[v] = true
					return v, err
				}
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					seen := make(map[domain.EnvironmentKey]bool)
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						r, err := s.stat(ctx, key)
						mu.Lock()
						mine := own[r.Version] || err != nil
						mu.Unlock()
						if mine || !seen[key] {
							wake(key)
						}
						seen[key] = true
					})
				}
			},
			fails: []string{
				"watch-other-handle", "watch-odd-keys", "watch-coalesced-wakes-miss-nothing", "watch-not-woken-by-touch",
				"watch-slow-consumer", "unavailable-watch",
			},
		},
		{
			name: "watch wakes from many goroutines",
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					var wakes sync.WaitGroup
					defer wakes.Wait()
					// In pairs, which meet.
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						wakes.Go(func() { wake(key) })
						wakes.Go(func() { wake(key) })
					})
				}
			},
			fails: []string{"watch-one-wake-at-a-time"},
			open:  []string{"watch-*", "unavailable-watch", "concurrent-use", "close-waits-for-wake"},
		},
		{
			name: "watch returns nil when its context ends",
			wrap: func(s *shim, b *backend) {
				watch := s.watch
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					if err := watch(ctx, keys, wake); ctx.Err() == nil {
						return err
					}
					return nil
				}
			},
			fails: []string{
				"watch-ends-with-context", "watch-ends-with-deadline", "watch-no-keys", "watch-only-its-keys",
				"context-ended-before",
			},
			open: []string{"unavailable-watch"},
		},
		{
			name: "touch wakes watchers",
			wrap: func(s *shim, b *backend) {
				touch, watch := s.touch, s.watch
				// The watchers, by the function that each wants to be called.
				s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
					err := touch(ctx, key, v, at)
					b.shared.Range(func(_, ring any) bool {
						if err == nil {
							ring.(func(domain.EnvironmentKey))(key)
						}
						return true
					})
					return err
				}
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					var mu sync.Mutex
					ended := false
					asked := slices.Clone(keys)
					b.shared.Store(&mu, func(key domain.EnvironmentKey) {
						if !mu.TryLock() {
							return // never waits for one that is slow
						}
						defer mu.Unlock()
						if !ended && slices.Contains(asked, key) {
							wake(key)
						}
					})
					defer func() {
						mu.Lock()
						defer mu.Unlock()
						ended = true
						b.shared.Delete(&mu)
					}()
					return watch(ctx, keys, func(key domain.EnvironmentKey) {
						mu.Lock()
						defer mu.Unlock()
						wake(key)
					})
				}
			},
			fails: []string{"watch-not-woken-by-touch"},
		},
		{
			name: "watch survives close",
			wrap: func(s *shim, b *backend) {
				// As if each Watch had a connection of its own, which Close forgets.
				s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
					own := b.open()
					defer func() { _ = own.Close() }()
					return own.Watch(ctx, keys, wake)
				}
			},
			fails: []string{"watch-ends-with-close", "close-waits-for-wake", "closed-calls"},
		},
	}
}

// forgetful has changes come to nothing while a wake is under way.
func forgetful(watch watchFunc) watchFunc {
	return func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
		told := make(chan domain.EnvironmentKey)
		done := make(chan struct{})
		var busy atomic.Bool
		go func() {
			defer close(done)
			for key := range told {
				busy.Store(true)
				wake(key)
				busy.Store(false)
			}
		}()
		defer func() { close(told); <-done }()
		first := make(map[domain.EnvironmentKey]bool)
		return watch(ctx, keys, func(key domain.EnvironmentKey) {
			if first[key] && busy.Load() {
				return
			}
			first[key] = true
			told <- key
		})
	}
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// writers is how many callers compete in the cases of concurrency.
const writers = 64

func casCases() []testCase {
	return []testCase{
		{
			name: "put-loses-no-update",
			law: `Its methods are atomic, across processes where the
				backend is shared.`,
			run: func(c *check) {
				count(c, func(ctx context.Context, s ports.Store) (string, ports.Version, error) {
					r, err := s.Get(ctx, someKey)
					return string(r.Body), r.Version, err
				}, func(ctx context.Context, s ports.Store, value string, ifVersion ports.Version) (ports.Version, error) {
					return s.Put(ctx, record(someKey, value), ifVersion)
				})
			},
		},
		{
			name: "put-creates-once",
			law: `Its methods are atomic, across processes where the
				backend is shared.`,
			run: func(c *check) {
				handles := c.openFour()
				var created []ports.Version
				var mu sync.Mutex
				c.together(writers, func(ctx context.Context, i int) {
					v, err := handles[i%len(handles)].store.Put(ctx, record(someKey, strconv.Itoa(i)), "")
					if errors.Is(err, ports.ErrConflict) {
						return
					}
					if err != nil {
						c.errorf("Put: %v", err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					created = append(created, v)
				})
				if len(created) != 1 {
					c.fatalf("%d of %d Puts of a new record succeeded, want 1", len(created), writers)
				}
				if got := handles[0].get(someKey); got.Version != created[0] {
					c.errorf("the record has version %q, want %q of the Put that succeeded", got.Version, created[0])
				}
			},
		},
		{
			name: "put-state-loses-no-update",
			law:  `Stater keeps small named values with Put's compare-and-set: the list of discovered environments, a spool of usage counts.`,
			run: func(c *check) {
				count(c, func(ctx context.Context, s ports.Store) (string, ports.Version, error) {
					value, v, err := s.GetState(ctx, "counter")
					return string(value), v, err
				}, func(ctx context.Context, s ports.Store, value string, ifVersion ports.Version) (ports.Version, error) {
					return s.PutState(ctx, "counter", []byte(value), ifVersion)
				})
			},
		},
		{
			name: "concurrent-use",
			law:  `All methods are safe for concurrent use, do not touch a call's arguments after it has returned, except for the Body of a record, and obey the context: a call whose context has ended returns its error.`,
			run:  concurrentUse,
		},
	}
}

// openFour opens four handles on one backend, or the same four times where it is
// not shared.
func (c *check) openFour() []*handle {
	b := c.backend()
	first := c.open(b)
	handles := []*handle{first, first, first, first}
	if c.harness.Shared {
		for i := range handles[1:] {
			handles[i+1] = c.open(b)
		}
	}
	return handles
}

// together runs n calls of f at once and waits for them.
func (c *check) together(n int, f func(ctx context.Context, i int)) {
	limit := 3 * c.harness.Patience
	_, _ = bounded(c, fmt.Sprintf("one of %d concurrent calls", n), limit, func(ctx context.Context) (struct{}, error) {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { f(ctx, i) })
		}
		all.Wait()
		return struct{}{}, nil
	})
}

// forEach calls f with each of keys, many at once.
func (c *check) forEach(keys []domain.EnvironmentKey, f func(context.Context, domain.EnvironmentKey) error) {
	const atOnce = 10
	c.together(atOnce, func(ctx context.Context, first int) {
		for i := first; i < len(keys); i += atOnce {
			if err := f(ctx, keys[i]); err != nil {
				c.errorf("of %s: %v", show(keys[i]), err)
			}
		}
	})
}

// count has writers add to one counter, each some times, and wants all of it.
func count(c *check,
	read func(context.Context, ports.Store) (string, ports.Version, error),
	write func(context.Context, ports.Store, string, ports.Version) (ports.Version, error),
) {
	each := c.amount(4)
	handles := c.openFour()
	var mu sync.Mutex
	versions := make(map[ports.Version]bool)
	// In each round all read before one writes, so that they do compete.
	rounds := make([]sync.WaitGroup, each)
	for i := range rounds {
		rounds[i].Add(writers)
	}

	add := func(ctx context.Context, s ports.Store, allHaveRead func()) error {
		for {
			text, v, err := read(ctx, s)
			allHaveRead()
			if err != nil && !errors.Is(err, ports.ErrNotFound) {
				return fmt.Errorf("read: %w", err)
			}
			n, _ := strconv.Atoi(text) // "" is 0
			v, err = write(ctx, s, strconv.Itoa(n+1), v)
			if errors.Is(err, ports.ErrConflict) {
				continue
			}
			if err != nil {
				return fmt.Errorf("write: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if versions[v] {
				return fmt.Errorf("version %q was returned twice", v)
			}
			versions[v] = true
			return nil
		}
	}
	c.together(writers, func(ctx context.Context, i int) {
		failed := false
		for round := range rounds {
			if failed {
				rounds[round].Done() // for the others
				continue
			}
			err := add(ctx, handles[i%len(handles)].store, sync.OnceFunc(func() {
				rounds[round].Done()
				rounds[round].Wait()
			}))
			if err != nil {
				c.errorf("writer %d: %v", i, err)
				failed = true
			}
		}
	})
	if c.failed() {
		return
	}
	for _, h := range handles {
		text, v, err := read(context.Background(), h.store)
		if want := strconv.Itoa(writers * each); text != want || err != nil {
			c.errorf("%d writers added 1 %d times each: the counter stands at %q, want %q (error %v)", writers, each, text, want, err)
		}
		if !versions[v] {
			c.errorf("the version read, %q, is not one of those returned to writers", v)
		}
	}
}

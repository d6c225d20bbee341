package app_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func TestShutdownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		b := sharedmemory.New()
		store := &stuck{Store: handle(t, b)}
		n := start(t, u, setup{store: store})
		pass(time.Minute)
		if n.Readiness().Draining {
			t.Fatal("draining already")
		}
		told := time.Now()
		n.stop()
		synctest.Wait()
		if !n.Readiness().Draining || !slices.Equal(n.input.called(), []string{"listen", "drain"}) {
			t.Errorf("draining %t, called %v", n.Readiness().Draining, n.input.called())
		}
		if _, held, err := ports.TryLease(t.Context(), handle(t, b), string(key), "another", time.Hour); !held || err != nil {
			t.Errorf("the lease was not given back, %v", err)
		}
		pass(3*time.Second - time.Millisecond) // the drain delay
		n.serves(t, "a")
		if slices.Contains(n.input.called(), "shutdown") || store.closed() {
			t.Error("the way in or the store were closed during the drain delay")
		}
		pass(time.Millisecond)
		if err := n.end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(told); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if !slices.Equal(n.input.called(), []string{"listen", "drain", "shutdown"}) || !store.closed() {
			t.Errorf("called %v, store closed %t", n.input.called(), store.closed())
		}
		if polls := u.since(key, told.Add(1)); len(polls) != 0 {
			t.Errorf("%d polls after the signal", len(polls))
		}
		if len(n.log.named("shutting_down")) != 1 || len(n.log.named("stopped")) != 1 {
			t.Error("the shutdown was not logged")
		}
	})
}

func TestShutdownCutsFetchesShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return time.Hour })
		n := start(t, u, setup{})
		pass(time.Second)
		told := time.Now()
		if err := n.end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(told); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if logged := n.log.named("error_fetching_document"); len(logged) != 0 {
			t.Errorf("a shutdown is logged as %v", logged)
		}
	})
}

func TestShutdownLeavesWhatIsServedInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		store := &slowOnce{Store: handle(t, b)}
		n := start(t, u, setup{store: store})
		pass(time.Minute)
		store.slow.Store(true)
		u.put(key, time.Now(), "b")
		for n.flag(key) != "b" {
			pass(100 * time.Millisecond)
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
		record, err := handle(t, b).Get(t.Context(), key)
		if err != nil || !bytes.Equal(record.Body, n.Snapshot().Environment(key).Body) {
			t.Errorf("the store has %s, %v", record.Body, err)
		}
	})
}

// slowOnce is a store whose next Put takes longer than anybody waits.
type slowOnce struct {
	ports.Store
	slow atomic.Bool
}

func (s *slowOnce) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if s.slow.Swap(false) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return s.Store.Put(ctx, r, v)
}

func TestShutdownIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		calls   bool          // of the store hang
		closing bool          // hangs
		err     error         // of closing
		hold    time.Duration // of requests under way
		within  time.Duration
		want    string
	}{
		"calls of the store hang and heed no context": {calls: true, within: 9*time.Second + 9*time.Second, want: "too long"},
		"closing the store hangs":                     {closing: true, within: 3*time.Second + 9*time.Second, want: "too long"},
		"closing the store fails":                     {err: errors.New("disk full"), within: 3 * time.Second, want: "disk full"},
		"requests that do not end":                    {hold: time.Hour, within: 3*time.Second + 9*time.Second, want: "closing the listener"},
		"requests that end in time":                   {hold: 8 * time.Second, within: 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				store := &stuck{Store: handle(t, sharedmemory.New()), err: c.err, released: make(chan struct{})}
				t.Cleanup(func() { close(store.released) })
				in := newInput()
				in.hold = c.hold
				n := start(t, u, setup{store: store, input: in})
				pass(time.Minute)
				store.set(c.calls, c.closing)
				pass(time.Minute) // a call is under way
				told := time.Now()
				err := n.end()
				if took := time.Since(told); took > c.within {
					t.Errorf("took %v, want %v at most", took, c.within)
				}
				if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
}

func TestAWayInThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		store := &stuck{Store: handle(t, sharedmemory.New())}
		in := newInput()
		n := start(t, u, setup{store: store, input: in})
		pass(time.Minute)
		in.ended <- struct{}{} // Serve returns without a Shutdown
		err := <-n.ended
		n.ended <- err
		if err == nil || !strings.Contains(err.Error(), "serving") || !store.closed() {
			t.Errorf("error %v, store closed %t", err, store.closed())
		}
	})
}

// stuck is a store that can get stuck for good, against its contract.
type stuck struct {
	ports.Store
	err      error // of Close
	released chan struct{}
	mu       sync.Mutex
	calls    bool
	closing  bool
	done     bool
}

func (s *stuck) set(calls, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.closing = calls, closing
}

func (s *stuck) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

func (s *stuck) wait(which func() bool) {
	s.mu.Lock()
	stuck := which()
	s.mu.Unlock()
	if stuck {
		<-s.released
	}
}

func (s *stuck) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	s.wait(func() bool { return s.calls })
	return s.Store.TryLeases(ctx, claims, holder, ttl)
}

func (s *stuck) Close() error {
	s.wait(func() bool { return s.closing })
	s.mu.Lock()
	s.done = true
	s.mu.Unlock()
	return errors.Join(s.err, s.Store.Close())
}

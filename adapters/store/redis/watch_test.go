package redis_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const channel = "edge-proxy:changes"

// publisher subscribes clients and answers their PING as alive says.
type publisher struct {
	alive       atomic.Bool
	pings       atomic.Int64
	subscribers chan *fakeConn
}

func newPublisher() *publisher {
	p := &publisher{subscribers: make(chan *fakeConn, 100)}
	p.alive.Store(true)
	return p
}

func (p *publisher) answer(c *fakeConn, command []string) {
	switch command[0] {
	case "subscribe":
		p.subscribers <- c // before the client can go on
		c.say("*3\r\n%s%s:1\r\n", bulk("subscribe"), bulk(command[1]))
	case "ping":
		p.pings.Add(1)
		if p.alive.Load() {
			c.say("*2\r\n%s%s", bulk("pong"), bulk(""))
		}
	}
}

func publish(c *fakeConn, key string) {
	c.say("*3\r\n%s%s%s", bulk("message"), bulk(channel), bulk(key))
}

// watch runs Watch in the background.
func watch(t *testing.T, s ports.Watcher, ctx context.Context, keys ...domain.EnvironmentKey) (wakes <-chan domain.EnvironmentKey, end <-chan error) {
	t.Helper()
	w, e := make(chan domain.EnvironmentKey, 100), make(chan error, 1)
	go func() { e <- s.Watch(ctx, keys, func(key domain.EnvironmentKey) { w <- key }) }()
	return w, e
}

func TestWatchOutlivesQuietTimes(t *testing.T) {
	p := newPublisher()
	s := serve(t, greeted(p.answer))
	store := openURL(t, s.url()+"?timeout=50ms", deps())
	ctx, cancel := context.WithCancel(t.Context())
	wakes, end := watch(t, store, ctx, "one")
	<-wakes
	subscriber := <-p.subscribers
	for p.pings.Load() < 5 {
		select {
		case err := <-end:
			t.Fatalf("Watch ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	publish(subscriber, "other")
	publish(subscriber, "one")
	if key := <-wakes; key != "one" {
		t.Errorf("woken for %q", key)
	}
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v, want context.Canceled", err)
	}
}

func TestWatchEndsWhenTheServerFallsSilent(t *testing.T) {
	p := newPublisher()
	p.alive.Store(false)
	s := serve(t, greeted(p.answer))
	store := openURL(t, s.url()+"?timeout=50ms", deps())
	wakes, end := watch(t, store, t.Context(), "one")
	<-wakes
	select {
	case err := <-end:
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Watch: %v, want ErrUnavailable", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Watch goes on")
	}
}

func TestWatchEndsWhenTheServerDoesNotSubscribe(t *testing.T) {
	for what, answer := range map[string]func(*fakeConn, []string){
		"silence":  greeted(silent),
		"an error": greeted(func(c *fakeConn, _ []string) { c.say("-NOPERM no\r\n") }),
		"closing":  greeted(func(c *fakeConn, _ []string) { _ = c.Close() }),
		"else":     greeted(func(c *fakeConn, _ []string) { c.say("*2\r\n%s%s", bulk("pong"), bulk("")) }),
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t, answer)
			store := openURL(t, s.url()+"?timeout=50ms", deps())
			err := store.Watch(t.Context(), []domain.EnvironmentKey{"one"}, func(domain.EnvironmentKey) {
				t.Error("woken, though not subscribed")
			})
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("Watch: %v, want ErrUnavailable", err)
			}
		})
	}
}

// All Watches of a store share a connection, however many environments there are,
// and the last to end gives it up.
func TestWatchesShareASubscription(t *testing.T) {
	p := newPublisher()
	s := serve(t, greeted(p.answer))
	store := openURL(t, s.url(), deps())
	ctx, cancel := context.WithCancel(t.Context())
	var ends []<-chan error
	for range 50 {
		wakes, end := watch(t, store, ctx, "one")
		<-wakes
		ends = append(ends, end)
	}
	if subscribed := len(p.subscribers); subscribed != 1 {
		t.Errorf("%d subscriptions, want 1", subscribed)
	}
	cancel()
	for _, end := range ends {
		<-end
	}

	<-p.subscribers
	wakes, end := watch(t, store, t.Context(), "one")
	<-wakes
	<-p.subscribers
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if err := <-end; !errors.Is(err, ports.ErrClosed) {
		t.Errorf("Watch: %v, want ErrClosed", err)
	}
}

// One watcher that is stuck in its wake holds up neither another nor the server,
// and misses nothing.
func TestWatchSlowConsumer(t *testing.T) {
	p := newPublisher()
	s := serve(t, greeted(p.answer))
	store := openURL(t, s.url(), deps())
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	stuck := make(chan domain.EnvironmentKey, 10)
	slow := make(chan error, 1)
	go func() {
		slow <- store.Watch(ctx, []domain.EnvironmentKey{"one", "two"}, func(key domain.EnvironmentKey) {
			stuck <- key
			<-release
		})
	}()
	<-stuck
	quick, end := watch(t, store, ctx, "one")
	<-quick
	subscriber := <-p.subscribers
	for range 1000 {
		publish(subscriber, "two")
	}
	publish(subscriber, "one")
	if key := <-quick; key != "one" {
		t.Errorf("woken for %q", key)
	}
	close(release)
	seen := map[domain.EnvironmentKey]int{}
	for len(seen) < 2 || len(stuck) > 0 {
		seen[<-stuck]++
	}
	if seen["one"] > 2 || seen["two"] > 2 {
		t.Errorf("woken %v times: changes are not taken together", seen)
	}
	cancel()
	<-slow
	<-end
}

package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/wakes"
	"github.com/edge-proxy/edge-proxy/domain"
)

// feed is a subscription to the channel of changes, shared by the watchers that
// joined it. It ends when the last of them parts, when the store is closed, or
// when it breaks; it is never repaired: its watchers could not know which changes
// they missed.
type feed struct {
	ready   chan struct{} // closed when subscribed
	done    chan struct{} // closed at the end
	err     error         // why it ended; to be read after done
	cancel  context.CancelFunc
	watches wakes.Set
}

// join adds w to the subscription, and begins one if necessary. The
// caller is within a call and has to part.
func (s *store) join(w *wakes.Watcher) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed
	if f == nil || f.ended() {
		ctx, cancel := context.WithCancel(s.life.Context())
		f = &feed{
			ready:  make(chan struct{}),
			done:   make(chan struct{}),
			cancel: cancel,
		}
		s.feed = f
		s.life.Go(func() {
			defer close(f.done)
			f.err = f.run(ctx, s)
		})
	}
	f.watches.Add(w)
	return f
}

// part takes w out of f and ends f when it was the last.
func (s *store) part(f *feed, w *wakes.Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.watches.Remove(w) {
		f.cancel()
		if s.feed == f {
			s.feed = nil
		}
	}
}

func (f *feed) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

var errSilent = errors.New("the server has fallen silent")

// run subscribes and passes changes on until ctx ends or the subscription breaks.
// After each lifetime it subscribes on a new connection, for which the host name is
// resolved again.
func (f *feed) run(ctx context.Context, s *store) error {
	current, err := s.subscribe(ctx)
	if err != nil {
		return err
	}
	defer func() { current.close() }()
	close(f.ready)
	for {
		if err := f.follow(ctx, current, s.timeout, time.Now().Add(s.lifetime)); err != nil {
			return err
		}
		next, err := s.subscribe(ctx)
		if err != nil {
			return err
		}
		// The former subscription has what changed before the next one began.
		if err := f.drain(ctx, current, s.timeout); err != nil {
			f.watches.ChangedAll()
		}
		current.close()
		current = next
	}
}

// follow passes changes on until the time until, for which it returns nil. A server
// that says nothing for a time-out is asked for a sign of life, and has one more
// time-out to give it.
func (f *feed) follow(ctx context.Context, s subscription, timeout time.Duration, until time.Time) error {
	for asked := false; time.Now().Before(until); {
		message, err := s.ReceiveTimeout(ctx, min(timeout, time.Until(until)+time.Millisecond))
		switch {
		case err == nil:
			asked = false
			f.pass(message)
		case !isTimeout(err):
			return err
		case !time.Now().Before(until):
		case asked:
			return errSilent
		default:
			if err := s.Ping(ctx); err != nil {
				return err
			}
			asked = true
		}
	}
	return nil
}

// drain passes on all changes that the server sent before this call.
func (f *feed) drain(ctx context.Context, s subscription, timeout time.Duration) error {
	const mark = "drained"
	if err := s.Ping(ctx, mark); err != nil {
		return err
	}
	for {
		message, err := s.ReceiveTimeout(ctx, timeout)
		if err != nil {
			return err
		}
		if pong, ok := message.(*goredis.Pong); ok && pong.Payload == mark {
			return nil
		}
		f.pass(message)
	}
}

func (f *feed) pass(message any) {
	if m, ok := message.(*goredis.Message); ok {
		f.watches.Changed(domain.EnvironmentKey(m.Payload))
	}
}

// subscription is a connection that is subscribed to the channel of changes.
type subscription struct {
	*goredis.PubSub
	stop func() bool
}

func (s subscription) close() {
	s.stop()
	_ = s.Close()
}

// subscribe connects and subscribes. The end of ctx closes the subscription.
func (s *store) subscribe(ctx context.Context) (subscription, error) {
	pubSub := s.client.Subscribe(ctx) // to nothing yet: this connects nowhere
	// Waiting for a message ignores the context; closing ends it.
	made := subscription{pubSub, context.AfterFunc(ctx, func() { _ = pubSub.Close() })}
	if err := confirm(ctx, pubSub, s.names.changes(), s.timeout); err != nil {
		made.close()
		return subscription{}, err
	}
	return made, nil
}

// confirm subscribes and waits for the server's confirmation.
func confirm(ctx context.Context, pubSub *goredis.PubSub, channel string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := pubSub.Subscribe(ctx, channel); err != nil {
		return err
	}
	answer, err := pubSub.ReceiveTimeout(ctx, timeout)
	if err != nil {
		return err
	}
	if _, ok := answer.(*goredis.Subscription); !ok {
		return fmt.Errorf("the server answers SUBSCRIBE with %T", answer)
	}
	return nil
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

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
// when it breaks; it is never mended: its watchers could not tell which changes
// they missed.
type feed struct {
	ready   chan struct{} // closed when subscribed
	done    chan struct{} // closed at the end
	err     error         // why it ended; to be read after done
	cancel  context.CancelFunc
	watches wakes.Set
}

// join adds w to the subscription, or to a new one where there is none. The
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
			f.err = f.run(ctx, s.client, s.names.changes(), s.timeout)
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

// run subscribes and tells the watchers of changes until ctx ends or the
// subscription breaks. A server that says nothing for a time-out is asked for a
// sign of life, and has one more to give it.
func (f *feed) run(ctx context.Context, client goredis.UniversalClient, channel string, timeout time.Duration) error {
	subscription := client.Subscribe(ctx) // to nothing yet: this connects nowhere
	defer func() { _ = subscription.Close() }()
	// Waiting for a message heeds no context; closing ends it.
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()

	if err := f.subscribe(ctx, subscription, channel, timeout); err != nil {
		return err
	}
	close(f.ready)

	for asked := false; ; {
		message, err := subscription.ReceiveTimeout(ctx, timeout)
		switch {
		case err == nil:
			asked = false
			if m, ok := message.(*goredis.Message); ok {
				f.watches.Changed(domain.EnvironmentKey(m.Payload))
			}
		case !isTimeout(err):
			return err
		case asked:
			return errSilent
		default:
			if err := subscription.Ping(ctx); err != nil {
				return err
			}
			asked = true
		}
	}
}

func (f *feed) subscribe(ctx context.Context, subscription *goredis.PubSub, channel string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := subscription.Subscribe(ctx, channel); err != nil {
		return err
	}
	answer, err := subscription.ReceiveTimeout(ctx, timeout)
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

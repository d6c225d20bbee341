package redis

import (
	"context"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/adapters/store/internal/lifecycle"
	"github.com/edge-proxy/edge-proxy/ports"
)

// store is a ports.Store in Redis.
type store struct {
	client  goredis.UniversalClient
	names   names
	scripts scripts
	packer  *packer
	timeout time.Duration
	// lifetime bounds how long the subscription keeps its connection.
	lifetime time.Duration
	topology topology
	now      func() time.Time
	logger   *slog.Logger

	life *lifecycle.Lifecycle

	mu   sync.Mutex // guards feed
	feed *feed      // the subscription that Watches share; nil without Watches
}

func newStore(client goredis.UniversalClient, l location, d ports.StoreDeps) *store {
	return &store{
		client:   client,
		names:    newNames(d.Prefix),
		scripts:  newScripts(),
		packer:   newPacker(),
		timeout:  l.timeout,
		lifetime: l.connectionLifetime,
		topology: l.topology,
		now:      d.Now,
		logger:   d.Logger,
		life:     lifecycle.New(),
	}
}

// Close implements ports.Store. A call under way to a server that hangs delays it
// until that call has run into its time-out.
func (s *store) Close() error {
	return s.life.Close(func() error {
		_ = s.client.Close() // all connections are idle now; an error of theirs helps nobody
		return nil
	})
}

// slowest is the slowest transfer of a body that is waited for.
const slowest = 1 << 20 // bytes per second

// patience is how long a call may take that carries size bytes.
func (s *store) patience(size int) time.Duration {
	return s.timeout + time.Duration(size)*time.Second/slowest
}

// result is what a function returned.
type result[T any] struct {
	value T
	err   error
}

// do calls f for a method called name and returns when f does, when ctx ends or
// after patience, whichever is first, with the port's errors. f may go on for
// a moment longer (go-redis heeds deadlines, but no cancellation while it waits
// for an answer); so it must touch nothing of the caller's.
func do[T any](ctx context.Context, s *store, name string, patience time.Duration, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := s.life.Enter(ctx); err != nil {
		return none, failure(ctx, name, err)
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	results := make(chan result[T], 1)
	go func() {
		defer s.life.Leave()
		defer cancel()
		value, err := f(bounded)
		results <- result[T]{value, err}
	}()

	var r result[T]
	select {
	case r = <-results:
	case <-bounded.Done():
		select {
		case r = <-results: // both at once
		default:
			r.err = bounded.Err()
		}
	}
	if r.err != nil {
		return none, failure(ctx, name, s.topology.explain(r.err))
	}
	return r.value, nil
}

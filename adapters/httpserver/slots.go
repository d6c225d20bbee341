package httpserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// extraSlots is how many connections are accepted beyond the limit, so that a liveness
// probe is answered. When they are used up, the oldest of them is closed.
const extraSlots = 64

// slots counts and limits the connections of a server. Connections beyond the limit are
// extra: they get one answer, which refuses all requests except probes. It is safe for
// concurrent use.
type slots struct {
	max      int // math.MaxInt: no limit
	logger   *slog.Logger
	draining *atomic.Bool // the server drains or shuts down
	counters counters
	// crowded is set as long as the limit is reached.
	crowded atomic.Bool

	mu      sync.Mutex
	used    int
	extra   []*slot // oldest first
	refused int     // extra connections since the limit was reached
}

// slot is the place of a connection, from accepting to closing it.
type slot struct {
	slots   *slots
	conn    net.Conn
	isExtra bool
	once    sync.Once
	why     atomic.Uint32 // an ending: why the connection ends, once that is known

	// The lock of slots guards these.
	places   int  // that the connection takes, without those of requests that share it
	requests int  // under way that share the connection
	http2    bool // the client speaks HTTP/2
}

// because sets why the connection ends, unless that is known already.
func (t *slot) because(why ending) { t.why.CompareAndSwap(uint32(endUnknown), uint32(why)) }

// ending returns why the connection has ended.
func (t *slot) ending() ending {
	switch why := ending(t.why.Load()); {
	case t.isExtra:
		return endRefused
	case t.slots.draining.Load() && (why == endUnknown || why == endPeer || why == endError):
		return endDrain // each answer was the last one on its connection
	case why == endUnknown:
		return endPeer
	default:
		return why
	}
}

// take gives a new connection a slot.
func (s *slots) take(c net.Conn) *slot {
	s.counters.accepted.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &slot{slots: s, conn: c, places: 1}
	if s.used >= s.max {
		t.becomesExtra()
	}
	s.used++
	return t
}

// becomesExtra makes the connection one beyond the limit. The lock is held.
func (t *slot) becomesExtra() {
	s := t.slots
	t.isExtra = true
	s.reached()
	s.refused++
	if len(s.extra) >= extraSlots {
		_ = s.extra[0].conn.Close() // its owner frees the slot
		s.extra = s.extra[1:]
	}
	s.extra = append(s.extra, t)
}

// becomesHTTP2 gives the connection the places of one of HTTP/2, before any request of it
// is served. Where fewer are left, the connection is extra. A limit that is lower than
// these places is for one such connection.
func (t *slot) becomesHTTP2() {
	s := t.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	t.http2 = true
	s.counters.http2.Add(1)
	switch more := min(placesOfHTTP2, s.max) - 1; {
	case t.isExtra:
	case s.used+more > s.max:
		t.becomesExtra()
	default:
		t.places += more
		s.used += more
	}
}

// free gives the slot back once the connection is closed. It may be called more than
// once.
func (t *slot) free() {
	t.once.Do(func() {
		s := t.slots
		s.counters.closed[t.ending()].Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.http2 {
			s.counters.http2.Add(-1)
		}
		s.used -= t.places
		s.extra = slices.DeleteFunc(s.extra, func(other *slot) bool { return other == t })
		s.relaxed()
	})
}

// extraKey is the key of a value in the context of requests on extra connections.
type extraKey struct{}

// context returns the context of the connection's requests.
func (t *slot) context(ctx context.Context) context.Context {
	if t.isExtra {
		return context.WithValue(ctx, extraKey{}, true)
	}
	return ctx
}

// refuses reports whether a request with that context is on an extra connection.
func (s *slots) refuses(ctx context.Context) bool {
	return s.crowded.Load() && ctx.Value(extraKey{}) != nil
}

// slotOf returns the slot of a connection that was handed over.
func slotOf(c net.Conn) *slot {
	switch c := c.(type) {
	case *replayed:
		return c.slot
	case *replayedTLS:
		return c.slot
	case *tls.Conn: // HTTP/2
		return c.NetConn().(slotConn).slot
	}
	return nil
}

// slotKey is the key of a connection's slot in the contexts of its requests.
type slotKey struct{}

// shared returns the context of requests that share the connection, for join.
func (t *slot) shared(ctx context.Context) context.Context {
	if t == nil { // a connection of another kind than the front hands over
		return ctx
	}
	return context.WithValue(t.context(ctx), slotKey{}, t)
}

// join adds a request to those under way on its connection. Each but the first takes the
// place of a further connection, until leave is called. It reports false, and leave is
// nil, when there is no place.
func (s *slots) join(ctx context.Context) (leave func(), ok bool) {
	t, _ := ctx.Value(slotKey{}).(*slot)
	if t == nil {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.requests > 0 {
		if s.used >= s.max {
			s.reached()
			s.refused++
			return nil, false
		}
		s.used++
	}
	t.requests++
	return t.leave, true
}

// leave ends a request that joined.
func (t *slot) leave() {
	s := t.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.requests--; t.requests > 0 {
		s.used--
		s.relaxed()
	}
}

// relaxed logs that the limit is not reached any more, if it was. The lock is held.
func (s *slots) relaxed() {
	if s.used < s.max-s.max/10 && s.crowded.Swap(false) {
		s.logger.Info("connections_below_limit", "limit", s.max, "refused", s.refused)
		s.refused = 0
	}
}

// reached logs that the limit is reached, once until it is not reached any more. The
// lock is held.
func (s *slots) reached() {
	if !s.crowded.Swap(true) {
		s.logger.Warn("connection_limit_reached", "limit", s.max, "effect", "requests on further connections are refused, except for liveness")
	}
}

// slotConn is a connection that frees its slot when it is closed.
type slotConn struct {
	wrapped
	slot *slot
}

// Write implements net.Conn.
func (c slotConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.slot.because(endingOf(err, endTimeout))
	}
	return n, err
}

// Close implements net.Conn.
func (c slotConn) Close() error {
	err := c.Conn.Close()
	c.slot.free()
	return err
}

package httpserver

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
)

// extraSlots is how many connections are accepted beyond the limit, so that a liveness
// probe is answered. When they are used up, the oldest of them is closed.
const extraSlots = 64

// slots limits the connections of a server. Connections beyond the limit are extra: they
// get one answer, which refuses all requests except probes. It is safe for concurrent
// use.
type slots struct {
	max    int
	logger *slog.Logger
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
}

// take gives a new connection a slot. With a nil slots it returns nil.
func (s *slots) take(c net.Conn) *slot {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &slot{slots: s, conn: c, isExtra: s.used >= s.max}
	s.used++
	if !t.isExtra {
		return t
	}
	if !s.crowded.Swap(true) {
		s.logger.Warn("connection_limit_reached", "limit", s.max, "effect", "requests on further connections are refused, except for liveness")
	}
	s.refused++
	if len(s.extra) >= extraSlots {
		_ = s.extra[0].conn.Close() // its owner frees the slot
		s.extra = s.extra[1:]
	}
	s.extra = append(s.extra, t)
	return t
}

// free gives the slot back once the connection is closed. It may be called more than
// once, and on nil.
func (t *slot) free() {
	if t == nil {
		return
	}
	t.once.Do(func() {
		s := t.slots
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used--
		for i, other := range s.extra {
			if other == t {
				s.extra = append(s.extra[:i:i], s.extra[i+1:]...)
				break
			}
		}
		if s.used < s.max-s.max/10 && s.crowded.Swap(false) {
			s.logger.Info("connections_below_limit", "limit", s.max, "refused", s.refused)
			s.refused = 0
		}
	})
}

// extraKey is the key of a value in the context of requests on extra connections.
type extraKey struct{}

// context returns the context of the connection's requests.
func (t *slot) context(ctx context.Context) context.Context {
	if t != nil && t.isExtra {
		return context.WithValue(ctx, extraKey{}, true)
	}
	return ctx
}

// refuses reports whether a request with that context is on an extra connection.
func (s *slots) refuses(ctx context.Context) bool {
	return s != nil && s.crowded.Load() && ctx.Value(extraKey{}) != nil
}

// slotConn is a connection that frees its slot when it is closed.
type slotConn struct {
	wrapped
	slot *slot
}

// Close implements net.Conn.
func (c slotConn) Close() error {
	err := c.Conn.Close()
	c.slot.free()
	return err
}

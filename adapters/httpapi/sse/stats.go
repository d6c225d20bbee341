package sse

import (
	"errors"
	"os"
	"sync/atomic"
)

// Stats are counts since the start, and how many streams are open, for metrics.
type Stats struct {
	Open   int64
	Shared int64 // of those that are open, over HTTP/2: on a connection with other requests
	Events int64 // that were sent, without heartbeats
	// Closed is how many streams ended, by reason: slow, drain, gone, removed.
	Closed map[string]int64
}

// reason is why a stream ended.
type reason uint8

const (
	slow       reason = iota // the listener did not accept in time what it was sent
	drain                    // End was called
	gone                     // the listener left
	removed                  // there will be no more updates
	numReasons = iota
)

// String returns the reason as Stats has it.
func (r reason) String() string {
	return [numReasons]string{slow: "slow", drain: "drain", gone: "gone", removed: "removed"}[r]
}

// reasonOf returns why a stream ends on which sending failed with err.
func reasonOf(err error) reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return slow
	}
	return gone
}

// counters count what Stats reports. The zero value is ready.
type counters struct {
	open, shared, events atomic.Int64
	closed               [numReasons]atomic.Int64
}

// Stats returns the counts. It takes no lock.
func (l *Streams) Stats() Stats {
	s := Stats{Open: l.counters.open.Load(), Shared: l.counters.shared.Load(), Events: l.counters.events.Load(), Closed: make(map[string]int64, numReasons)}
	for r := range reason(numReasons) {
		s.Closed[r.String()] = l.counters.closed[r].Load()
	}
	return s
}

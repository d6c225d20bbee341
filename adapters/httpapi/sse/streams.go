package sse

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// heartbeat is how often a stream sends a comment when it has no event, so that
	// no device on the way takes the connection for dead.
	heartbeat = 20 * time.Second
	// patience is how long a listener may take to accept what it is sent. A listener
	// that takes longer is dropped. No other listener waits for it.
	patience = 10 * time.Second
	// farewell is how long listeners may take to accept the end of their streams.
	farewell = time.Second
	// leaving is the time over which streams end while the node is drained, so that their
	// listeners do not all reconnect at once.
	leaving = 5 * time.Second
	// again is how long listeners are asked to wait before they reconnect elsewhere.
	again = 2 * time.Second
)

// Streams are the open streams. Each is run by a goroutine of its own, which ends
// with the stream. Streams is safe for concurrent use; make it with New.
type Streams struct {
	ending   chan struct{} // closed when all streams have to end
	counters counters
	buffers  buffers

	mu      sync.Mutex
	open    map[*stream]struct{}
	topics  map[string]*topic
	ended   bool
	running sync.WaitGroup
	drained chan struct{} // closed while streams are asked to leave
}

// New returns a Streams without a stream.
func New() *Streams {
	return &Streams{ending: make(chan struct{}), open: map[*stream]struct{}{}, topics: map[string]*topic{}, drained: make(chan struct{})}
}

// SetHeader sets the headers of a stream's answer.
func SetHeader(h http.Header) {
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-cache"}
	h["X-Accel-Buffering"] = []string{"no"} // nginx would hold events back
}

// hold calls run and closes s when run returns: on a new goroutine, or before it returns
// if it is blocking.
func (l *Streams) hold(s *stream, blocking bool, run func()) {
	kinds := []*atomic.Int64{&l.counters.open}
	if blocking {
		kinds = append(kinds, &l.counters.shared)
	}
	for _, n := range kinds {
		n.Add(1)
	}
	hold := func() {
		run()
		s.close()
		for _, n := range kinds {
			n.Add(-1)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, s)
	}
	l.mu.Lock()
	late := l.ended
	if !late {
		l.open[s] = struct{}{}
		l.running.Add(1)
	}
	l.mu.Unlock()
	switch counted := func() { defer l.running.Done(); hold() }; {
	case late: // End does not wait for it any more, and it ends at once
		hold()
	case blocking:
		counted()
	default:
		go counted()
	}
}

// run sends events and heartbeats until the stream ends, and counts why it did.
func (l *Streams) run(s *stream, updates <-chan time.Time) {
	why := l.serve(s, updates)
	l.counters.closed[why].Add(1)
}

// serve sends events and heartbeats until the stream ends. It returns why it did.
func (l *Streams) serve(s *stream, updates <-chan time.Time) reason {
	if !s.begin() {
		return reasonOf(s.failed)
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	drained := l.asked()
	var leave <-chan time.Time
	for alive := true; alive; {
		select {
		case <-s.gone:
			return gone
		case <-drained:
			drained, leave = nil, time.After(rand.N(leaving))
		case <-leave:
			if drained, leave = l.asked(), nil; isClosed(drained) {
				s.retry(again)
				s.end()
				return drain
			}
		case <-l.ending:
			s.end()
			return drain
		case updatedAt, open := <-updates:
			if !open {
				s.end()
				return removed
			}
			var sent bool
			if sent, alive = s.updated(updatedAt); sent {
				l.counters.events.Add(1)
			}
		case <-beat.C:
			alive = s.comment("heartbeat")
		}
	}
	return reasonOf(s.failed)
}

// Drain has all streams end within seconds, each at a time of its own, and those that are
// opened later too. Listeners are asked to reconnect, after a moment. It does not wait and is
// safe for concurrent use.
func (l *Streams) Drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !isClosed(l.drained) {
		close(l.drained)
	}
}

// Undrain ends what Drain has begun: streams that have not ended stay open.
func (l *Streams) Undrain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isClosed(l.drained) {
		l.drained = make(chan struct{})
	}
}

// asked returns a channel that is closed when streams are asked to leave.
func (l *Streams) asked() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drained
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// End ends all streams, also those that are opened later, and waits for them. A
// listener has one second to accept the end of its stream.
func (l *Streams) End() {
	l.mu.Lock()
	if !l.ended {
		l.ended = true
		close(l.ending)
	}
	for s := range l.open {
		s.hurry(farewell)
	}
	l.mu.Unlock()
	l.running.Wait()
}

package sse

import (
	"net/http"
	"time"
)

// The pace at which streams learn of an update. An update wakes a goroutine for each
// stream. If all of them woke at once, requests would wait behind tens of thousands of
// writes. So after each batch there is a pause, in which requests are served.
const (
	batch = 32
	pause = 2 * time.Millisecond
)

// topic passes the updates of one environment on to its seats. Its goroutine runs while
// there is a seat, or until the updates end.
type topic struct {
	streams *Streams
	key     string
	updates <-chan time.Time
	stop    func()        // ends the updates
	done    chan struct{} // closed when the last seat has left

	// The lock of streams guards what follows.
	seats map[*Seat]struct{}
	over  bool // nothing may join any more
}

// Seat is the place of one stream in a topic: it receives updates from Join on.
type Seat struct {
	topic   *topic
	updates chan time.Time // room for the last update; closed when the updates end
}

// Join returns a seat for a stream about key. The first seat calls listen, which returns
// a channel of the times at which the document was updated, zero times for documents
// that state none, and a function that ends listening. It is called when the last seat
// has left. The channel is closed when there will be no more updates, which ends the
// streams. The seat must be opened or left.
func (l *Streams) Join(key string, listen func() (updates <-chan time.Time, stop func())) *Seat {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[key]
	if t == nil {
		t = &topic{streams: l, key: key, done: make(chan struct{}), seats: map[*Seat]struct{}{}}
		t.updates, t.stop = listen()
		l.topics[key] = t
		go t.run()
	}
	s := &Seat{topic: t, updates: make(chan time.Time, 1)}
	t.seats[s] = struct{}{}
	return s
}

// Leave gives the seat up.
func (s *Seat) Leave() {
	t := s.topic
	t.streams.mu.Lock()
	defer t.streams.mu.Unlock()
	delete(t.seats, s)
	if len(t.seats) == 0 && !t.over {
		close(t.done)
		t.end()
	}
}

// end makes the next Join open another topic. The lock is held.
func (t *topic) end() {
	t.over = true
	delete(t.streams.topics, t.key)
}

// run passes updates on until they end or all seats have left.
func (t *topic) run() {
	defer t.stop()
	for {
		select {
		case <-t.done:
			return
		case at, open := <-t.updates:
			if !open {
				t.close()
				return
			}
			if !t.pass(at) {
				return
			}
		}
	}
}

// pass passes an update on to all seats, in batches. When another update comes meanwhile,
// the remaining seats get that one, and then the others do. It reports false when the
// updates or the topic have ended.
func (t *topic) pass(at time.Time) bool {
	var have map[*Seat]bool // the seats that have got an update that overtook another
	sent := 0
	for again := true; again; {
		again = false
		for _, seat := range t.snapshot(true) {
			if have[seat] {
				continue
			}
			if sent > 0 && sent%batch == 0 {
				if !t.rest() {
					return false
				}
				select {
				case next, open := <-t.updates:
					if !open {
						t.close()
						return false
					}
					at, again, have = next, true, map[*Seat]bool{}
				default:
				}
			}
			seat.send(at, true)
			sent++
			if have != nil {
				have[seat] = true
			}
		}
	}
	return true
}

// close passes the end of updates on to all seats, in batches.
func (t *topic) close() {
	for i, seat := range t.snapshot(false) {
		if i > 0 && i%batch == 0 && !t.rest() {
			return
		}
		seat.send(time.Time{}, false)
	}
}

// snapshot returns the seats. When the updates have ended, no other seat can join.
func (t *topic) snapshot(open bool) []*Seat {
	t.streams.mu.Lock()
	defer t.streams.mu.Unlock()
	if !open && !t.over {
		t.end()
	}
	seats := make([]*Seat, 0, len(t.seats))
	for seat := range t.seats {
		seats = append(seats, seat)
	}
	return seats
}

// rest waits for pause. It reports false when all seats have left.
func (t *topic) rest() bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.done:
		return false
	}
}

// send passes an update or the end of updates on. It takes the place of an update that
// the stream has not received yet. Only the topic's goroutine calls it.
func (s *Seat) send(at time.Time, open bool) {
	if !open {
		close(s.updates)
		return
	}
	select {
	case <-s.updates:
	default:
	}
	s.updates <- at
}

// Open answers r with a stream of events. The answer has the headers of w. Open takes over
// the connection of w and returns as soon as the stream has begun; the stream does not
// keep w and r. Where a connection cannot be taken over, as with HTTP/2, Open writes to w
// and returns when the stream has ended. The stream sends an event for each update since
// Join, except for those that another one followed before the listener took them.
//
// The stream ends when the updates end, when the listener goes away, when it takes too
// long to accept an event, and when End is called. Then it leaves the seat and calls
// ended with the number of bytes it sent as events. When taking the connection over
// fails, Open leaves the seat, returns an error and never calls ended.
func (s *Seat) Open(w http.ResponseWriter, r *http.Request, events Events, ended func(bytes int64)) error {
	stream, blocking, err := newStream(w, r, events, &s.topic.streams.buffers)
	if err != nil {
		s.Leave()
		return err
	}
	s.topic.streams.hold(stream, blocking, func() {
		s.topic.streams.run(stream, s.updates)
		s.Leave()
		ended(stream.bytes)
	})
	return nil
}

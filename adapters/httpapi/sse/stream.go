package sse

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// stream writes server-sent events to a listener. One goroutine uses the methods that
// write; they report whether the listener is still there.
type stream struct {
	carrier carrier
	events  Events
	buffers *buffers
	gone    chan struct{} // closed when the listener has gone, or is taken for gone
	bytes   int64         // sent as events so far

	mu       sync.Mutex
	patience time.Duration // how long the listener may take to accept what it is sent

	failed error // of the write that ended the stream
}

// carrier carries the answer with the events. The deadline applies to the calls that
// write, also while they wait; setting it is safe for concurrent use.
type carrier interface {
	// begin sends the head of the answer and a first event.
	begin(event []byte) error
	// send sends an event.
	send(event []byte) error
	// end sends the end of the answer.
	end()
	setDeadline(t time.Time)
	// watch waits until the listener has gone, or close is called.
	watch()
	// close releases the carrier, and cuts the answer off unless it has ended.
	close()
}

// newStream returns a stream that answers r; the answer has not begun and gets the
// headers of w. It must be closed. blocking reports that w must not be used any more after
// the handler has returned, so the handler has to wait for the end of the stream.
func newStream(w http.ResponseWriter, r *http.Request, events Events, b *buffers) (s *stream, blocking bool, err error) {
	s = &stream{events: events, buffers: b, gone: make(chan struct{}), patience: patience}
	s.carrier, err = take(w, r, b)
	if errors.Is(err, http.ErrNotSupported) {
		blocking = true
		s.carrier, err = share(w, r)
	}
	if err != nil {
		return nil, false, fmt.Errorf("stream of events: %w", err)
	}
	go func() { // until close
		defer close(s.gone)
		s.carrier.watch()
	}()
	return s, blocking, nil
}

// begin sends the head of the answer, a first comment and the first event, if there is one.
func (s *stream) begin() bool {
	return s.write(s.carrier.begin, append([]byte(": connected\n\n"), s.events.First...))
}

// comment sends a comment, which clients ignore.
func (s *stream) comment(text string) bool {
	return s.write(s.carrier.send, []byte(": "+text+"\n\n"))
}

// retry asks the listener to wait for a time before it reconnects.
func (s *stream) retry(after time.Duration) bool {
	return s.write(s.carrier.send, fmt.Appendf(nil, "retry: %d\n\n", after.Milliseconds()))
}

// updated sends the event about a document that was updated at that time, if it has one.
// sent says whether it had one that was sent.
func (s *stream) updated(at time.Time) (sent, alive bool) {
	event := s.buffers.take()
	defer s.buffers.give(event)
	event.bytes = s.events.Updated(event.bytes, at)
	if len(event.bytes) == 0 {
		return false, true
	}
	alive = s.write(s.carrier.send, event.bytes)
	return alive, alive
}

// end sends the end of the answer.
func (s *stream) end() {
	s.renew()
	s.carrier.end()
}

func (s *stream) write(send func([]byte) error, event []byte) bool {
	s.bytes += int64(len(event))
	s.renew()
	s.failed = send(event)
	return s.failed == nil
}

// renew gives the listener time for the next write.
func (s *stream) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carrier.setDeadline(time.Now().Add(s.patience))
}

// hurry changes how long the listener may take to accept what it is sent, for the
// write under way too. It is safe for concurrent use.
func (s *stream) hurry(patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience = patience
	s.carrier.setDeadline(time.Now().Add(patience))
}

// close closes the carrier and waits for the watch to end.
func (s *stream) close() {
	s.carrier.close()
	<-s.gone
}

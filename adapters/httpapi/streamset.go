package httpapi

import (
	"sync"
	"time"
)

const (
	// heartbeat is how often a stream says something when there is nothing to
	// say, so that nobody on the way takes it for dead.
	heartbeat = 20 * time.Second
	// streamPatience is how long a listener may take to accept what it is sent.
	// One that takes longer is dropped; no other one waits for it.
	streamPatience = 10 * time.Second
)

// streams are the open streams of an API. Each is run by a goroutine of its own,
// which ends with the stream.
type streams struct {
	ending chan struct{} // closed when all streams are to end

	mu      sync.Mutex
	open    map[*eventStream]struct{}
	ended   bool
	running sync.WaitGroup
}

func newStreams() *streams {
	return &streams{ending: make(chan struct{}), open: map[*eventStream]struct{}{}}
}

// hold has run run a stream, which is closed when it returns.
func (l *streams) hold(s *eventStream, run func()) {
	hold := func() {
		run()
		s.close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, s)
	}
	l.mu.Lock()
	ended := l.ended
	if !ended {
		l.open[s] = struct{}{}
		l.running.Go(hold)
	}
	l.mu.Unlock()
	if ended { // nobody waits for it any more, and it ends at once
		hold()
	}
}

// tell writes what there is to tell until one of the sides goes.
func (l *streams) tell(s *eventStream, updates <-chan time.Time) {
	if !s.begin() {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for alive := true; alive; {
		select {
		case <-s.gone:
			return
		case <-l.ending:
			s.end()
			return
		case updatedAt, served := <-updates:
			if !served { // any more: asking again is answered so
				s.end()
				return
			}
			alive = s.updated(updatedAt)
		case <-beat.C:
			alive = s.comment("heartbeat")
		}
	}
}

// end ends all streams and waits for them. Their listeners have so long to
// accept what they are sent last.
func (l *streams) end(farewell time.Duration) {
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

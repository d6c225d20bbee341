package app

import (
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// keptEvents is how many events are kept.
const keptEvents = 1000

// Event is something that has happened, for people to read: a change of a document, an
// outage, an operator's action. It has no secret and is immutable.
type Event struct {
	Seq         uint64 // counts up by one
	At          time.Time
	Kind        string                // in snake_case, as the log has it
	Environment domain.EnvironmentKey // "" when it is not about one
	Message     string                // one sentence
}

// Recent keeps the last events. It is safe for concurrent use; make it with NewRecent.
type Recent struct {
	now func() time.Time

	mu     sync.Mutex
	seq    uint64
	events []Event // a ring once it is full
	added  chan struct{}
}

// NewRecent returns a Recent without events.
func NewRecent(now func() time.Time) *Recent { return &Recent{now: now, added: make(chan struct{})} }

// Add adds an event, with the time of now and the next number.
func (r *Recent) Add(kind string, environment domain.EnvironmentKey, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e := Event{Seq: r.seq, At: r.now(), Kind: kind, Environment: environment, Message: message}
	if len(r.events) < keptEvents {
		r.events = append(r.events, e)
	} else {
		r.events[(r.seq-1)%keptEvents] = e
	}
	close(r.added)
	r.added = make(chan struct{})
}

// Since returns the kept events with numbers above seq, oldest first, and a channel that
// is closed when another one is added.
func (r *Recent) Since(seq uint64) (events []Event, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for next := max(seq, r.seq-uint64(len(r.events))); next < r.seq; next++ {
		events = append(events, r.events[next%keptEvents])
	}
	return events, r.added
}

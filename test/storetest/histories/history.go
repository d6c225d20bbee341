package histories

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/edge-proxy/edge-proxy/ports"
)

// History is what callers did and saw. Its methods are safe for concurrent use.
type History struct {
	now         func() time.Time // the clock of the handles
	began       time.Time
	lateTouches bool

	callers sync.WaitGroup

	// ticks puts starts and returns in order. A clock does not: in a bubble of
	// testing/synctest it stands still while calls run.
	ticks atomic.Int64
	over  atomic.Pointer[chan struct{}] // closed when the failover is over; nil when there is none

	mu         sync.Mutex
	operations map[object][]porcupine.Operation
	failovers  []failover
	unexpected []string
	known      int
	unknown    int
}

// kind says which model an object has.
type kind string

const (
	aRecord kind = "record"
	aState  kind = "state"
	aLease  kind = "lease"
)

// object is what is checked on its own.
type object struct {
	kind kind
	name string
}

// input is what a call asked for of one object.
type input struct {
	method    string
	body      string
	checkedAt int64 // microseconds since 1970
	ifVersion ports.Version
	holder    string
	note      string
	ttl       time.Duration
	asked     time.Duration // when the call started, by the handles' clock, since the history began
}

// output is what a call returned about one object.
type output struct {
	unknown   bool  // the call may have happened, and nothing else is set but answered
	err       error // nil, ports.ErrNotFound or ports.ErrConflict
	body      string
	checkedAt int64
	version   ports.Version
	listed    bool
	lease     ports.Lease
	answered  time.Duration // when the call returned, like input.asked
}

// part is what one call did with one object.
type part struct {
	object object
	in     input
	out    output
}

// never is when a call of unknown outcome ends: it may yet happen.
const never = math.MaxInt64

// span is a call under way.
type span struct {
	history *History
	caller  *caller
	tick    int64
	asked   time.Duration
}

func newHistory(l Load) *History {
	return &History{
		now: l.Now, began: l.Now(), lateTouches: l.LateTouches,
		operations: make(map[object][]porcupine.Operation),
	}
}

func (h *History) start(c *caller) span {
	return span{h, c, h.ticks.Add(1), h.now().Sub(h.began)}
}

// end records the parts of a call that returned err.
func (s span) end(err error, parts ...part) {
	h := s.history
	answered, tick := h.now().Sub(h.began), h.ticks.Add(1)
	outcome, isKnown := outcomeOf(err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if isKnown {
		h.known++
	} else {
		h.unknown++
		tick, s.caller.met = never, true
		if !mayPass(err) {
			h.unexpected = append(h.unexpected, fmt.Sprintf("%s of the %s %q: %v", parts[0].in.method, parts[0].object.kind, parts[0].object.name, err))
		}
	}
	for _, p := range parts {
		p.in.asked = s.asked
		if !isKnown {
			if p.in.reads() {
				continue // nothing was seen, and nothing was changed
			}
			p.out = output{unknown: true}
		}
		p.out.err, p.out.answered = outcome, answered
		times := 1
		if !isKnown && (p.in.method == methodDelete || p.in.method == methodDrop) {
			times = 2 // stores repeat calls whose answer is lost
		}
		for range times {
			h.operations[p.object] = append(h.operations[p.object], porcupine.Operation{
				ClientId: s.caller.number, Input: p.in, Output: p.out, Call: s.tick, Return: tick,
			})
		}
	}
}

// settles waits for the end of a failover, if there is one.
func (h *History) settles(ctx context.Context) {
	over := h.over.Load()
	if over == nil {
		return
	}
	select {
	case <-*over:
	case <-ctx.Done():
	}
}

// pause waits for d, or during a failover for longer, but not beyond its end.
func (h *History) pause(ctx context.Context, d time.Duration) {
	var ended chan struct{}
	if over := h.over.Load(); over != nil {
		d, ended = 100*d, *over
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	case <-ctx.Done():
	}
}

// outcomeOf returns which of the errors that say what happened err is, and whether it is
// one.
func outcomeOf(err error) (outcome error, isKnown bool) {
	for _, known := range []error{ports.ErrNotFound, ports.ErrConflict} {
		if errors.Is(err, known) {
			return known, true
		}
	}
	return nil, err == nil
}

// mayPass reports whether err is of a backend that may be back soon.
func mayPass(err error) bool {
	return errors.Is(err, ports.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Failover calls f and records that while it ran the backend went over to another copy of
// the data, which may lack the latest changes. Callers call less often meanwhile, and one that
// meets errors goes on when f has returned: calls of unknown outcome make a history hard to
// check. Calls of Failover follow one another.
func (h *History) Failover(f func()) {
	began, over := h.ticks.Add(1), make(chan struct{})
	h.over.Store(&over)
	f()
	ended := h.ticks.Add(1)
	h.over.Store(nil)
	close(over)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failovers = append(h.failovers, failover{began, ended})
}

// Wait waits until all callers have ended.
func (h *History) Wait() { h.callers.Wait() }

// Outcomes returns of how many calls it is known what they did, and of how many not.
func (h *History) Outcomes() (known, unknown int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known, h.unknown
}

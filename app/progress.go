package app

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// keptPolls is how many polls of an environment are kept for the status.
const keptPolls = 20

// Poll is one request to upstream and what came of it.
type Poll struct {
	At      time.Time
	Took    time.Duration
	Via     Via
	Outcome ports.Outcome
	// Cause is the likely cause of a failure and what to do about it, or the error where
	// the cause is not known; "" without a failure. It has no secret.
	Cause string
}

// failed reports whether the poll brought nothing.
func (p Poll) failed() bool {
	return p.Outcome != ports.OutcomeOK && p.Outcome != ports.OutcomeNotModified
}

// polls is a short history of requests to upstream. It is safe for concurrent use; the
// zero value is empty.
type polls struct {
	mu sync.Mutex
	history
	added chan struct{} // closed by the next add; nil while nobody waits
}

// history is what polls have of the past.
type history struct {
	last           []Poll // oldest first
	failures       int    // in a row
	failure        Poll   // the last of them
	since, success time.Time
}

// add adds a poll of what the history is about. failing says that it failed of that,
// and not of something smaller.
func (h *polls) add(p Poll, failing bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.last) == keptPolls {
		h.last = slices.Delete(h.last, 0, 1)
	}
	h.last = append(h.last, p)
	if h.added != nil {
		close(h.added)
		h.added = nil
	}
	if !p.failed() {
		h.success = p.At
	}
	if failing != (h.failures > 0) || h.since.IsZero() {
		h.since = p.At
	}
	if failing {
		h.failures++
		h.failure = p
	} else {
		h.failures = 0
	}
}

func (h *polls) copy() history {
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := h.history
	copied.last = slices.Clone(h.last)
	return copied
}

// progress is what a keeper publishes of its work, for the status. It is safe for
// concurrent use.
type progress struct {
	polls  polls
	newest atomic.Pointer[Environment] // nil before the first document
	held   atomic.Pointer[HeldBack]    // nil: no document is held back

	mu     sync.Mutex
	via    Via
	served time.Time
	change *ChangeSummary
}

// ChangeSummary is how a document differs from the one before, by names.
type ChangeSummary struct {
	At  time.Time
	Via Via
	// Features that changed, were added and were removed, and Segments of all three
	// kinds. The lists are sorted and read-only.
	Changed, Added, Removed, Segments []string
	// Identities is how many identities' overrides differ.
	Identities int
}

// serves records a document that is served from now on.
func (p *progress) serves(at time.Time, via Via, change *ChangeSummary) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served, p.via = at, via
	if change != nil {
		p.change = change
	}
}

// fill sets the fields of s that a keeper knows.
func (p *progress) fill(s *EnvironmentStatus) {
	h := p.polls.copy()
	s.Polls, s.Failures = h.last, h.failures
	for _, poll := range slices.Backward(h.last) {
		if poll.failed() {
			s.LastFailure = &poll
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Served, s.Via, s.LastChange, s.HeldBack = p.served, p.via, p.change, p.held.Load()
}

// Lease says which node has an environment's lease, as far as this node knows.
type Lease string

// The holders.
const (
	LeaseThisNode    Lease = "this node"
	LeaseAnotherNode Lease = "another node"
	LeaseNobody      Lease = "nobody" // or it is not known, as while the store is away
)

// Facts are numbers of a document, for the status.
type Facts struct {
	Name, Project               string
	Features, Segments          int
	SegmentOverrides            int
	IdentityOverrides, Problems int
	// FirstProblems are the first of the problems that were found. Read-only.
	FirstProblems []domain.Problem
}

package outage

import (
	"maps"
	"sync"
	"time"
)

// Tracker follows the outages of members that depend on the same origin, such as the
// environments of one API. It is safe for concurrent use. Make it with NewTracker.
//
// A failure that concerns the origin, such as a refused connection, belongs to one outage
// of all members. A failure that concerns a member, such as a refused key, belongs to an
// outage of that member. But an origin may refuse everybody: refusals are taken for one
// outage until a member succeeds meanwhile.
type Tracker[K comparable] struct {
	mu      sync.Mutex
	outages map[scope[K]]*shared[K]
}

// Reach is what a failure concerns.
type Reach int

const (
	// Member is a failure of one member.
	Member Reach = iota
	// Origin is a failure that all members have.
	Origin
)

// scope names an outage.
type scope[K comparable] struct {
	of     extent
	member K // for ofMember
}

type extent int

const (
	ofOrigin  extent = iota
	ofRefused        // members that are refused, until one succeeds
	ofMember
)

// shared is an outage of members.
type shared[K comparable] struct {
	Outage
	members   map[K]*part
	succeeded bool // a member that was in it has succeeded
}

// part is what a member has to do with an outage.
type part struct {
	failures int
	named    bool // in a line
}

// NewTracker returns a Tracker without outages.
func NewTracker[K comparable]() *Tracker[K] {
	return &Tracker[K]{outages: map[scope[K]]*shared[K]{}}
}

// Failed notes a failure of a member. kind is the same text for failures of the same
// kind. due reports whether the failure is to be logged, with what lasting says. over is
// the outage of the origin if this failure ended it, as an origin that refuses a member
// is not away, and others of its members have succeeded; it is nil otherwise, and to be
// logged, too. If none has succeeded, the refusal is all there is to log.
func (t *Tracker[K]) Failed(now time.Time, member K, reach Reach, kind string) (lasting Summary, due bool, over []Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := scope[K]{of: ofOrigin}
	if reach == Member {
		if away := t.outages[at]; away != nil {
			over = t.leave(member, at, false)
			if !away.succeeded {
				over = nil
			}
		}
		own := scope[K]{of: ofMember, member: member}
		if at = own; t.outages[own] == nil {
			at = scope[K]{of: ofRefused}
		}
	}
	o := t.outages[at]
	if o == nil {
		o = &shared[K]{members: map[K]*part{}}
		t.outages[at] = o
	}
	p := o.members[member]
	if p == nil {
		p = &part{}
		o.members[member] = p
	}
	due = o.Failed(now, kind)
	p.failures++
	p.named = p.named || due
	return o.summary(), due, over
}

// Succeeded notes a success of a member. It returns the outages that this ended, which
// are to be logged.
func (t *Tracker[K]) Succeeded(member K) (over []Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused := scope[K]{of: ofRefused}
	if o := t.outages[refused]; o != nil {
		delete(t.outages, refused)
		if o.members[member] != nil {
			over = append(over, o.summary())
			delete(o.members, member)
			for _, p := range o.members {
				p.named = false // the line about the end is about all
			}
		}
		t.split(o)
	}
	return append(over, t.leaveAll(member, true)...)
}

// Leave forgets a member, whose outages end in silence.
func (t *Tracker[K]) Leave(member K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaveAll(member, false)
}

// leaveAll takes a member out of all outages, and returns those that are over now.
func (t *Tracker[K]) leaveAll(member K, succeeded bool) (over []Summary) {
	for _, at := range []scope[K]{{of: ofOrigin}, {of: ofRefused}, {of: ofMember, member: member}} {
		over = append(over, t.leave(member, at, succeeded)...)
	}
	return over
}

// leave takes a member out of an outage, and returns that if it is over now.
func (t *Tracker[K]) leave(member K, at scope[K], succeeded bool) (over []Summary) {
	o := t.outages[at]
	if o == nil || o.members[member] == nil {
		return nil
	}
	p, summary := o.members[member], o.summary()
	o.succeeded = o.succeeded || succeeded
	if delete(o.members, member); len(o.members) > 0 {
		return nil
	}
	delete(t.outages, at)
	if at.of == ofMember && !p.named {
		return nil // nobody has heard of it
	}
	return []Summary{summary}
}

// split gives each member of an outage one of its own. A member that no line has named
// is due with its next failure.
func (t *Tracker[K]) split(o *shared[K]) {
	for member, p := range o.members {
		own := &shared[K]{Outage: o.Outage, members: map[K]*part{member: p}}
		own.failures = p.failures
		own.kinds = map[string]bool{}
		if p.named {
			own.kinds = maps.Clone(o.kinds)
		}
		t.outages[scope[K]{of: ofMember, member: member}] = own
	}
}

func (o *shared[K]) summary() Summary {
	s := o.Summary()
	s.Members = len(o.members)
	return s
}

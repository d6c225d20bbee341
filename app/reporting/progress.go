package reporting

import (
	"sync/atomic"
	"time"
)

// Drop is why something was dropped instead of reported.
type Drop string

// The reasons.
const (
	DroppedFull         Drop = "full"          // the queue was full
	DroppedRefused      Drop = "refused"       // upstream does not accept it
	DroppedNotDelivered Drop = "not_delivered" // the process ended first
)

// Drops returns all reasons.
func Drops() []Drop { return []Drop{DroppedFull, DroppedRefused, DroppedNotDelivered} }

// Progress is what has become of the reports of one kind, in what they are about:
// requests, evaluations of features, or events.
type Progress struct {
	Pending     int64 // counted and not reported yet
	Sent        int64 // since the start
	Dropped     map[Drop]int64
	LastSuccess time.Time // when upstream last accepted a report; zero: never
}

// ledger keeps the figures of Progress. It is safe for concurrent use.
type ledger struct {
	pending, sent               atomic.Int64
	full, refused, notDelivered atomic.Int64
	last                        atomic.Pointer[time.Time]
}

// accepted takes note of a report of n that upstream accepted.
func (l *ledger) accepted(n int64, now time.Time) {
	l.sent.Add(n)
	l.last.Store(&now)
}

func (l *ledger) progress() Progress {
	p := Progress{Pending: l.pending.Load(), Sent: l.sent.Load(), Dropped: map[Drop]int64{
		DroppedFull: l.full.Load(), DroppedRefused: l.refused.Load(), DroppedNotDelivered: l.notDelivered.Load(),
	}}
	if last := l.last.Load(); last != nil {
		p.LastSuccess = *last
	}
	return p
}

// Progress returns what has become of the counts. It takes no lock that adding takes.
func (a *Analytics) Progress() Progress { return a.ledger.progress() }

// Progress returns what has become of the counts. It waits for nothing.
func (u *Usage) Progress() Progress {
	p := u.ledger.progress()
	p.Pending += u.o.Requests.undrained()
	return p
}

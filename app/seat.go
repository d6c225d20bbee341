package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// tenureTurns is about how many polls a node keeps a lease before it offers it to
// the others, so that leadership spreads over the nodes.
const tenureTurns = 30

// seat is one environment's place in the fleet: who polls it, and what that node has
// confirmed, as this node knows it. It is safe for concurrent use; fleet.mu guards it.
type seat struct {
	fleet   *fleet
	key     domain.EnvironmentKey
	wake    func()        // notifies the keeper of news; never waits
	settled chan struct{} // closed once it is known who polls, or that the store is away

	isSettled bool
	willing   bool        // this node can poll
	lease     ports.Lease // as seen last
	heardAt   time.Time   // when the note was last seen to be another one
	lookedAt  time.Time   // when the lease was last seen
	newsAt    time.Time   // when the note counts as heard, see see
	mine      bool        // it is this node's
	gained    bool        // this node got it since the keeper last asked
	post      string      // the note that is to be written; "" when it is
	postedAt  time.Time   // when post became what is to be written
	offering  bool        // it is to be given back
	offered   time.Time   // when it was given back for others to take; zero: not, or somebody took it
	tenure    int         // polls until it is offered
}

// leaseNote is what the note of a lease says.
type leaseNote struct {
	version   ports.Version // of the record; "" when nothing is known
	checkedAt time.Time
}

func (n leaseNote) String() string {
	return strconv.FormatInt(n.checkedAt.UnixMicro(), 10) + " " + string(n.version)
}

// parseNote returns what a note says: nothing if it is another program's.
func parseNote(note string) leaseNote {
	first, version, _ := strings.Cut(note, " ")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return leaseNote{}
	}
	return leaseNote{ports.Version(version), time.UnixMicro(at)}
}

// leads reports whether this node should poll, as it also should while the store is away,
// and whether it got the lease since leads was last called. A lease that was offered
// and that nobody is known to have taken is still this node's duty.
func (s *seat) leads() (leads, gained bool) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	gained, s.gained = s.gained, false
	if s.fleet.away {
		return true, gained
	}
	now := s.fleet.now()
	offered := !s.offered.IsZero() && now.Sub(s.offered).Abs() < 2*s.fleet.config.Load().Freshness.PollInterval
	return s.willing && (s.mine && now.Before(s.lease.Until) || offered), gained
}

// rush returns how soon the keeper should poll because this node has just got the lease:
// soon, but the more leases it has the more they are spread. ok is false if it has not
// just got it.
func (s *seat) rush() (wait time.Duration, ok bool) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	longest := min(s.fleet.config.Load().Freshness.PollInterval/4, time.Duration(s.fleet.led)*10*time.Millisecond)
	return time.Duration(s.fleet.random() * float64(longest)), s.gained
}

// polledHere returns how many environments this node polls: those that it leads, or, if
// it polls this one without the lease, as many as it may be that it polls so.
func (s *seat) polledHere() int {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if s.mine {
		return s.fleet.led
	}
	return len(s.fleet.seats)
}

// holder returns who has the lease, for the status.
func (s *seat) holder() Lease {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	switch {
	case s.fleet.away || !s.fleet.now().Before(s.lease.Until):
		return LeaseNobody
	case s.mine:
		return LeaseThisNode
	default:
		return LeaseAnotherNode
	}
}

// volunteer says whether this node can poll the environment.
func (s *seat) volunteer(willing bool) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if s.willing != willing {
		s.willing = willing
		s.fleet.ask()
	}
}

// polled takes note of a poll. After enough of them the lease is offered to the others.
func (s *seat) polled() {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if s.tenure--; s.mine && s.tenure <= 0 && !s.fleet.exclusive {
		s.tenure = s.newTenure()
		s.offering = true
	}
}

// offer gives the lease back on the next beat, for another node to take. If none does,
// this node takes it again an interval later.
func (s *seat) offer() {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	s.offering = s.mine
}

// confirm passes on to the other nodes, on the next beat, that the record under
// a version was confirmed.
func (s *seat) confirm(n leaseNote) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if s.mine {
		s.post, s.postedAt = n.String(), s.fleet.now()
	}
}

// heard returns what was confirmed last, and when this node heard of it, by its own clock.
// That may be by a node that has given the lease back since, also to this one: heard later,
// it would count as a later confirmation.
func (s *seat) heard() (n leaseNote, at time.Time) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	return parseNote(s.lease.Note), s.newsAt
}

// recall asks the store what was confirmed last, by whichever node, also by one that has
// ended.
func (s *seat) recall(ctx context.Context) leaseNote {
	if s.fleet.exclusive {
		return leaseNote{} // the record has it
	}
	leases, err := s.fleet.store.Leases(ctx, []string{string(s.key)})
	if err != nil {
		return leaseNote{}
	}
	return parseNote(leases[0].Note)
}

// leave takes the environment out of the fleet and gives its lease back.
func (s *seat) leave() {
	f := s.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seats[s.key] != s {
		return
	}
	delete(f.seats, s.key)
	if s.mine {
		f.observer.LeaseChanged(s.key, LeaseGiven)
		f.left[s.key] = true
		f.ask()
	}
}

// The following need fleet.mu.

// expectsNews reports whether the store should be asked at now for the lease and its note.
// A node that polls writes a note once in a period, so that there is nothing to be seen
// for most of a period after a note was; and when none has come for two, it is asked for
// only on whole beats. A lease that this node has offered is looked at on each beat, since
// this node polls until it knows who took it. claim looks after this node's own leases.
func (s *seat) expectsNews(now time.Time, period time.Duration, whole bool) bool {
	since := now.Sub(s.heardAt)
	switch {
	case !s.isSettled, !s.mine && !s.offered.IsZero():
		return true
	case s.mine || since >= 0 && since < period-period/10:
		return false
	default:
		return whole || since < 2*period
	}
}

// see takes note of the lease as the store has it at now.
func (s *seat) see(l ports.Lease, now time.Time) {
	former, was := s.lease, s.mine
	s.lease, s.mine = l, l.Holder == s.fleet.node()
	if l.Note != former.Note {
		s.heardAt, s.newsAt = now, now
		// A node that could not look for some time does not know how long ago the note was
		// written.
		if latest := s.lookedAt.Add(s.fleet.longestUnseen()); !s.lookedAt.IsZero() && latest.Before(now) {
			s.newsAt = latest
		}
	}
	s.lookedAt = now
	// A lease that was offered and that nobody took was this node's duty all the time.
	gained := s.mine && (l.Gained && s.offered.IsZero() || !was && !l.Gained)
	if s.mine && (!was || gained) {
		s.tenure = s.newTenure()
	}
	switch {
	case s.mine:
		s.offered = time.Time{}
		s.gained = s.gained || gained
	default:
		s.offering, s.post = false, ""
		if l.Holder != "" {
			s.offered = time.Time{}
		}
	}
	switch {
	case s.mine && (!was || gained):
		s.fleet.observer.LeaseChanged(s.key, LeaseWon)
	case was && !s.mine:
		s.fleet.observer.LeaseChanged(s.key, LeaseLost)
	}
	if gained || !s.mine && l.Note != former.Note {
		s.wake()
	}
}

// given takes note that this node has given the lease back.
func (s *seat) given(now time.Time) {
	s.fleet.observer.LeaseChanged(s.key, LeaseGiven)
	s.mine, s.lease.Holder, s.lease.Until, s.post = false, "", time.Time{}, ""
	if s.offering {
		s.offering, s.offered = false, now
	}
}

// takes reports whether this node should try to get the lease.
func (s *seat) takes(now time.Time) bool {
	free := s.lease.Holder == "" || !now.Before(s.lease.Until)
	waits := !s.offered.IsZero() && now.Sub(s.offered).Abs() < s.fleet.config.Load().Freshness.PollInterval
	return s.willing && free && !waits
}

// settle marks that it is known who polls.
func (s *seat) settle() {
	if !s.isSettled {
		s.isSettled = true
		close(s.settled)
	}
}

func (s *seat) newTenure() int {
	return tenureTurns/2 + int(s.fleet.random()*tenureTurns)
}

package app

import (
	"errors"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// failuresBeforeBackoff is the number of failures in a row after which polls become
	// less frequent.
	failuresBeforeBackoff = 5
	// unconditionalEvery is how often a poll asks for the whole document although
	// one is held: Last-Modified has whole seconds, so that a condition can hide a
	// change (docs/spec/upstream.md#schedule).
	unconditionalEvery = 5 * time.Minute
	// refreshPause is the least time between two polls because of announcements: a
	// flood of them must not become a flood of requests.
	refreshPause = 250 * time.Millisecond
	// failuresBeforeHandOver is the number of failures in a row after which a node
	// offers the lease to the others: soon enough for them to stay within the grace
	// period.
	failuresBeforeHandOver = 2
	// longestWait bounds how long upstream can make the next poll wait.
	longestWait = 5 * time.Minute
)

// schedule decides when to poll next. Polls follow a grid of one interval, so that slow
// answers do not shift them. Each environment's grid starts at a random moment, so that
// many environments spread over the interval.
type schedule struct {
	interval time.Duration
	random   func() float64
	next     time.Time // on the grid; zero before the first poll
	failures int       // in a row, until upstream has answered this node or another
}

// first starts the grid after the first poll, which took from began to now: at a random
// moment, at most a whole number of intervals (mostly one) after began.
func (s *schedule) first(began, now time.Time) {
	rest := min(s.interval-now.Sub(began)%s.interval, s.interval) // min: the clock may have been set back
	s.next = now.Add(time.Duration((0.25 + 0.75*s.random()) * float64(rest)))
}

// grid returns the next moment of the grid, given that a turn took from began to
// now.
func (s *schedule) grid(began, now time.Time) time.Time {
	if s.next.IsZero() || s.next.Sub(now) > s.interval { // after the first turn, or the clock was set back
		s.first(began, now)
	} else if behind := now.Sub(s.next); behind >= 0 {
		s.next = s.next.Add((behind/s.interval + 1) * s.interval)
	}
	return s.next
}

// retime changes the interval. The grid starts again at a random moment, at most one
// new interval from now. Before the first poll it has not started yet.
func (s *schedule) retime(interval time.Duration, now time.Time) {
	s.interval = interval
	if !s.next.IsZero() {
		s.next = now.Add(time.Duration(s.random() * float64(interval)))
	}
}

// after returns when to poll next, given that a poll took from began to now and ended
// with err: the next moment of the grid, up to two intervals from now after many
// failures, and not before the time that upstream asked to wait, up to longestWait.
func (s *schedule) after(began, now time.Time, err error) time.Time {
	next := s.grid(began, now)
	if s.failures >= failuresBeforeBackoff {
		next = now.Add(time.Duration((1 + s.random()) * float64(s.interval)))
	}
	if wait := min(waitAfter(err), longestWait); wait > next.Sub(now) {
		// All environments may have been asked to wait as long.
		next = now.Add(wait + time.Duration(s.random()*float64(s.interval)))
	}
	return next
}

// waitAfter returns how long upstream asked to wait, 0 when it did not.
func waitAfter(err error) time.Duration {
	if fetch := (*ports.FetchError)(nil); errors.As(err, &fetch) {
		return fetch.After
	}
	return 0
}

// handOver reports whether another node should try after this failure, because the
// fault may be in this node's connection to upstream. It does so rarely: each hand-over
// once brings two polls of a fleet closer together.
func (s *schedule) handOver() bool {
	return s.failures == failuresBeforeHandOver || s.failures > 0 && s.failures%failuresBeforeBackoff == 0
}

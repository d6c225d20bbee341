package app

import "time"

const (
	// failuresBeforeBackoff: so many failures in a row are met by polling as usual.
	failuresBeforeBackoff = 5
	// unconditionalEvery is how often a poll asks for the whole document although
	// one is held: Last-Modified has whole seconds, so that a condition can hide a
	// change (upstream, "Environment documents").
	unconditionalEvery = 5 * time.Minute
)

// schedule says when to poll next. Polls keep to a grid of one interval, so that
// slow answers do not shift them, and each environment's grid begins at a
// random moment, so that many spread over the interval.
type schedule struct {
	interval time.Duration
	random   func() float64
	next     time.Time // on the grid; zero before the first poll
	failures int       // in a row
}

// first starts the grid after the first poll, at a random moment within one
// interval from now.
func (s *schedule) first(now time.Time) {
	s.next = now.Add(time.Duration((0.25 + 0.75*s.random()) * float64(s.interval)))
}

// after returns when to poll next, given that a poll ended at now: the next
// moment of the grid, or up to two intervals from now after many failures.
func (s *schedule) after(now time.Time, failed bool) time.Time {
	if s.next.IsZero() {
		s.first(now)
	} else if behind := now.Sub(s.next); behind >= 0 {
		s.next = s.next.Add((behind/s.interval + 1) * s.interval)
	}
	if !failed {
		s.failures = 0
		return s.next
	}
	if s.failures++; s.failures < failuresBeforeBackoff {
		return s.next
	}
	return now.Add(time.Duration((1 + s.random()) * float64(s.interval)))
}

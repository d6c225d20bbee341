package httpapi

import (
	"os"
	"sync"
	"time"
)

// deadline is one of a connection's two deadlines, for reading or for writing.
//
// net/http sets deadlines eight times for a request, nearly always further away
// or to none, and for the connection each time is a move of a timer. So the
// connection's own deadline stays where it is as long as that is not too late.
// When it strikes too early, it is moved to where it belongs and the call that
// it interrupted goes on. Deadlines are as exact as the connection's.
//
// It is safe for concurrent use.
type deadline struct {
	apply func(time.Time) error // sets the connection's own

	mu      sync.Mutex
	wanted  time.Time // zero: none
	applied time.Time // the connection's own; zero: none
	calls   int       // that are waiting for the connection
}

// set moves the deadline, for calls that are waiting as well.
func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.calls == 0 || !d.late() {
		return nil
	}
	return d.move()
}

// begin is called before each call of the connection. It fails when the deadline
// has passed. Otherwise the call must be followed by end.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.late() {
		if d.passed() {
			return os.ErrDeadlineExceeded
		}
		if err := d.move(); err != nil {
			return err
		}
	}
	d.calls++
	return nil
}

// end is called with what a call of the connection returned. It reports whether
// the deadline that interrupted it was not the one that is wanted, so that the
// call has to go on.
func (d *deadline) end(err error) (again bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls--
	if !timedOut(err) || d.passed() {
		return false
	}
	return d.move() == nil
}

// late reports whether the connection's own deadline comes after the one that is
// wanted.
func (d *deadline) late() bool {
	return !d.wanted.IsZero() && (d.applied.IsZero() || d.wanted.Before(d.applied))
}

func (d *deadline) passed() bool { return !d.wanted.IsZero() && !d.wanted.After(time.Now()) }

func (d *deadline) move() error {
	d.applied = d.wanted
	return d.apply(d.wanted)
}

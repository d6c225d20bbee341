package http1

import (
	"errors"
	"os"
	"time"
)

// deadline is one of a connection's deadlines, for reading or for writing. To set
// the connection's own moves a timer, and nearly every call ends long before its
// deadline. So the connection's own stays where it is as long as it is not too late.
// When it strikes too early it is moved, and the call that it interrupted goes on.
//
// It is for one goroutine.
type deadline struct {
	set func(time.Time) error // the connection's own
	own time.Time             // zero: none
	due time.Time             // zero: none
}

// begin is called before a call that is to end until due; a zero due is never.
func (d *deadline) begin(due time.Time) error {
	d.due = due
	if due.IsZero() || !d.own.IsZero() && !due.Before(d.own) {
		return nil
	}
	return d.move()
}

// struckEarly reports whether err, with which the call ended, came of a deadline
// before the one that is due, so that the call has to go on.
func (d *deadline) struckEarly(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !d.due.IsZero() && !time.Now().Before(d.due) {
		return false
	}
	return d.move() == nil
}

func (d *deadline) move() error {
	d.own = d.due
	return d.set(d.due)
}

// in returns the instant after timeout, the zero time when there is no time-out.
func in(now time.Time, timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return now.Add(timeout)
}

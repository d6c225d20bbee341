package httpserver

import (
	"errors"
	"os"
	"time"
)

// deadline is the deadline of a connection for reading or for writing, set lazily.
// Setting a connection's own deadline moves a timer, and nearly every call ends long
// before its deadline. So the connection's own deadline stays where it is as long as
// it is not too late. When it strikes too early it is moved, and the interrupted call
// is repeated.
//
// It must be used by one goroutine only.
type deadline struct {
	set   func(time.Time) error // sets the connection's own deadline
	exact bool                  // a call that was interrupted cannot be repeated: always set the deadline
	own   time.Time             // the connection's own deadline; zero: none
	due   time.Time             // when the current call has to end; zero: never
}

// begin prepares for a call that has to end by due. The zero time means never.
func (d *deadline) begin(due time.Time) error {
	d.due = due
	if d.exact && due != d.own {
		return d.move()
	}
	if due.IsZero() || !d.own.IsZero() && !due.Before(d.own) {
		return nil
	}
	return d.move()
}

// struckEarly reports whether the call ended with err because the connection's own
// deadline struck before due. Then the call has to be repeated.
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

// in returns the time at which a time-out that begins now ends. It returns the zero
// time for a time-out of zero or less.
func in(now time.Time, timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return now.Add(timeout)
}

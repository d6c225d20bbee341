package app

import (
	"sync/atomic"
	"time"
)

// clockOffset is by how much upstream's clock is ahead of this node's, as far as the
// Date of upstream's responses shows. It is safe for concurrent use; the zero value says
// that the clocks agree.
type clockOffset struct{ ahead atomic.Int64 }

// observe takes note of a response that upstream made between two moments of this
// node's clock. Date has whole seconds: it stands for the second that it begins. The
// offset becomes the smallest with which that second overlaps the time between the two
// moments, so that it is zero for clocks that agree.
func (c *clockOffset) observe(date, asked, answered time.Time) {
	if date.IsZero() || answered.Before(asked) {
		return
	}
	var ahead time.Duration
	if end := date.Add(time.Second); date.After(answered) {
		ahead = date.Sub(answered.Round(0))
	} else if !end.After(asked) {
		ahead = end.Sub(asked.Round(0))
	}
	c.ahead.Store(int64(ahead))
}

// get returns the offset.
func (c *clockOffset) get() time.Duration { return time.Duration(c.ahead.Load()) }

// since returns how long ago a moment of upstream's clock was at now, a moment of this
// node's; at least 0.
func (c *clockOffset) since(at, now time.Time) time.Duration {
	return max(0, now.Round(0).Add(c.get()).Sub(at))
}

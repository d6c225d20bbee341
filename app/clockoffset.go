package app

import (
	"sync/atomic"
	"time"
)

// clockLasts is for how long what the Date of a response showed wins over what other nodes
// know.
const clockLasts = 10 * time.Minute

// clockOffset is by how much upstream's clock is ahead of this node's, as far as the
// Date of upstream's responses shows, or as other nodes know it. It is safe for concurrent
// use. The zero value says that the clocks agree, and that nobody has compared them.
type clockOffset struct {
	known atomic.Bool // somebody has compared the clocks
	ahead atomic.Int64
	seen  atomic.Int64 // Unix time in nanoseconds of the last response with a Date; 0: none
}

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
	c.seen.Store(answered.UnixNano())
	c.known.Store(true)
}

// adopt takes over an offset that is known from another node, unless this node has asked
// upstream lately.
func (c *clockOffset) adopt(ahead time.Duration, now time.Time) {
	if age := time.Duration(now.UnixNano() - c.seen.Load()); age < 0 || age >= clockLasts {
		c.ahead.Store(int64(ahead))
		c.known.Store(true)
	}
}

// differenceOf returns by how much another clock is ahead of this node's, which showed at
// some moment between two of this node's clock. It is the smallest difference that is
// possible, so that it is zero for clocks that agree.
func differenceOf(shown, after, before time.Time) time.Duration {
	after, before = after.Round(0), before.Round(0)
	switch {
	case shown.After(before):
		return shown.Sub(before)
	case shown.Before(after):
		return shown.Sub(after)
	default:
		return 0
	}
}

// get returns the offset.
func (c *clockOffset) get() time.Duration { return time.Duration(c.ahead.Load()) }

// since returns how long ago a moment of upstream's clock was at now, a moment of this
// node's; at least 0.
func (c *clockOffset) since(at, now time.Time) time.Duration {
	return max(0, now.Round(0).Add(c.get()).Sub(at))
}

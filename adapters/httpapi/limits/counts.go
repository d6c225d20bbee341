package limits

import "sync/atomic"

// Counts counts refused requests. The zero value is ready to use.
type Counts struct {
	RateLimited atomic.Uint64 // by a Rates
	Overloaded  atomic.Uint64 // by Slots
	Address     atomic.Uint64 // by Networks
}

// Refused is how many requests were refused since the process started, by reason.
type Refused struct {
	RateLimited, Overloaded, Address uint64
}

// Refused returns the present counts.
func (c *Counts) Refused() Refused {
	return Refused{RateLimited: c.RateLimited.Load(), Overloaded: c.Overloaded.Load(), Address: c.Address.Load()}
}

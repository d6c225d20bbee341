package limits

import (
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often one client may ask. The zero value does not limit.
type Rate struct {
	// PerSecond is the number of requests a second, on average.
	PerSecond int
	// Burst is the number of requests that may come at once after a pause. Zero stands
	// for PerSecond.
	Burst int
}

// burst returns the number of requests that may come at once.
func (r Rate) burst() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return r.PerSecond
}

// Window returns the quota of a client and the time in which an exhausted one is whole
// again, which is never zero.
func (r Rate) Window() (quota int, whole time.Duration) {
	quota = r.burst()
	return quota, time.Duration(quota) * time.Second / time.Duration(r.PerSecond)
}

// MaxClients is how many clients a Rates knows at a time.
const MaxClients = 10_000

// Rates limits how often each of many clients asks. A client is whatever K says. The
// memory is bounded: beyond MaxClients, clients that have not asked for a while are
// forgotten, and then begin with a whole quota. A nil *Rates limits nobody.
type Rates[K comparable] struct {
	rate    Rate
	clients *table[K, *rate.Limiter]
}

// NewRates returns a Rates of the same rate for each client, or nil when r is zero.
func NewRates[K comparable](r Rate) *Rates[K] {
	if r.PerSecond <= 0 {
		return nil
	}
	return &Rates[K]{rate: r, clients: newTable[K](MaxClients, func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(r.PerSecond), r.burst())
	})}
}

// Rate returns the rate, which is zero for nil.
func (r *Rates[K]) Rate() Rate {
	if r == nil {
		return Rate{}
	}
	return r.rate
}

// Take counts a request of a client at that time. When it is one too many, Take reports
// false and how long the client has to wait before the next one, and the request does not
// count.
func (r *Rates[K]) Take(client K, now time.Time) (wait time.Duration, ok bool) {
	if r == nil {
		return 0, true
	}
	limiter := r.clients.get(client, now)
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	missing := max(1-limiter.TokensAt(now), 0)
	return time.Duration(missing / float64(r.rate.PerSecond) * float64(time.Second)), false
}

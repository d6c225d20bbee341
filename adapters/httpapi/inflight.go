package httpapi

import (
	"net/http"
	"sync/atomic"
)

// Inflight bounds the bytes that requests and answers take while they are under way,
// over all connections. It is safe for concurrent use; make it with NewInflight.
type Inflight struct {
	max     int64
	used    atomic.Int64
	refused rarely
}

// defaultInflight is the bound when none is given, in bytes.
const defaultInflight = 64 << 20

// NewInflight returns an Inflight of at most max bytes. Zero means 64 MiB.
func NewInflight(max int64) *Inflight {
	if max <= 0 {
		max = defaultInflight
	}
	return &Inflight{max: max}
}

// Reserve reserves n bytes, to be released later. It reports false, and reserves
// nothing, when there are not enough.
func (f *Inflight) Reserve(n int64) bool {
	if f.used.Add(n) > f.max {
		f.used.Add(-n)
		return false
	}
	return true
}

// Release releases n bytes that were reserved.
func (f *Inflight) Release(n int64) { f.used.Add(-n) }

// freeBytes is how many bytes need no reservation. They are bounded by the number of
// connections.
const freeBytes = 16 << 10

// reserve reserves n bytes for the exchange behind w, until it ends. One reservation is
// never larger than a quarter of the bound, so that the largest request or answer still
// gets through when there is little else.
func (a *API) reserve(w http.ResponseWriter, n int) error {
	if n <= freeBytes {
		return nil
	}
	bytes := min(int64(n), a.o.Inflight.max/4)
	if !a.o.Inflight.Reserve(bytes) {
		a.logRefused()
		return errBusy
	}
	w.(*exchange).reserved += bytes
	return nil
}

// logRefused logs, at most once a minute, that requests are refused.
func (a *API) logRefused() {
	f := a.o.Inflight
	f.refused.count.Add(1)
	if f.refused.due(a.o.Now()) {
		a.o.Logger.Warn("inflight_limit_reached", "limit_bytes", f.max, "refused", f.refused.count.Swap(0), "effect", "large requests and answers get 503 until others have ended")
	}
}

// release releases what was reserved for x.
func (a *API) release(x *exchange) {
	if x.reserved > 0 {
		a.o.Inflight.Release(x.reserved)
	}
}

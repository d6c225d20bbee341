package standard

import (
	"sync/atomic"
	"time"
)

// loadOutcome is whether the configuration was valid when it was last loaded, and when
// it last was. It is safe for concurrent use.
type loadOutcome struct {
	invalid atomic.Bool
	valid   atomic.Pointer[time.Time]
}

func (o *loadOutcome) failed() { o.invalid.Store(true) }

func (o *loadOutcome) succeeded(at time.Time) {
	o.invalid.Store(false)
	o.valid.Store(&at)
}

// last returns the time of the last valid configuration, and whether no invalid one came
// after it. succeeded was called before.
func (o *loadOutcome) last() (at time.Time, stillValid bool) {
	return *o.valid.Load(), !o.invalid.Load()
}

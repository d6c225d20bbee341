package domain

import (
	"math"
	"time"
)

// Freshness is the rule by which documents go stale (docs/spec/behaviour.md#readiness).
type Freshness struct {
	PollInterval time.Duration
	// Grace is allowed per environment on top of one poll interval; nil means
	// that documents never go stale.
	Grace *time.Duration
}

// TotalGrace returns how old the oldest confirmation may be with that many
// environments. finite is false when documents never go stale.
func (f Freshness) TotalGrace(environments int) (total time.Duration, finite bool) {
	if f.Grace == nil {
		return 0, false
	}
	if environments > 0 && *f.Grace > (math.MaxInt64-f.PollInterval)/time.Duration(environments) {
		return 0, false // centuries: it does not fit, and never passes
	}
	return f.PollInterval + time.Duration(environments)**f.Grace, true
}

// State says whether a set of documents is fit to serve.
type State uint8

const (
	// Fresh: every environment was confirmed within the total grace.
	Fresh State = iota
	// Missing: some environment never had a document.
	Missing
	// Stale: the oldest confirmation is older than the total grace.
	Stale
)

// Report is the outcome of Assess.
type Report struct {
	State State
	// LastUpdate is the oldest of the environments' last confirmations, zero
	// when some environment has none.
	LastUpdate time.Time
}

// Assess applies the rule at now to the times upstream last confirmed each
// environment's document; a zero time means never. The state without any environment
// is Missing: nothing can be served.
func (f Freshness) Assess(now time.Time, confirmed []time.Time) Report {
	if len(confirmed) == 0 {
		return Report{State: Missing}
	}
	oldest := confirmed[0]
	for _, at := range confirmed {
		if at.IsZero() {
			return Report{State: Missing}
		}
		if at.Before(oldest) {
			oldest = at
		}
	}
	total, finite := f.TotalGrace(len(confirmed))
	if finite && now.Sub(oldest) > total {
		return Report{Stale, oldest}
	}
	return Report{Fresh, oldest}
}

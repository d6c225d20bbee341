package ports

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// UsageReporter sends usage to upstream.
type UsageReporter interface {
	// ReportUsage sends a batch and returns nil once upstream has accepted it, now or
	// earlier. It takes as long as upstream does, bounded by the adapter's own time-out
	// and by ctx. Errors: the context's when it ended; otherwise a *ReportError. Safe
	// for concurrent use.
	ReportUsage(ctx context.Context, b domain.UsageBatch) error
}

// AnalyticsReporter sends what applications report about their use of features to
// upstream. Its methods return nil once upstream has accepted the report. They take as
// long as upstream does, bounded by the adapter's own time-out and by ctx. Errors: the
// context's when it ended; otherwise a *ReportError. Safe for concurrent use.
type AnalyticsReporter interface {
	// ReportCounts sends counts of an environment's features.
	ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error
	// ReportEvaluations sends evaluations of an environment's features. An error that
	// wraps errors.ErrUnsupported means that upstream accepts no evaluations, but may
	// accept counts.
	ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error
}

// ReportError is why a report did not arrive. Its text never contains a secret.
type ReportError struct {
	Status int // of the HTTP answer, 0 when there was none
	// Refused: upstream will not accept the report, now or later. Otherwise it may
	// accept it later, and may even have accepted it.
	Refused bool
	// Divisible: something in the report is refused, so that upstream may accept parts
	// of it. Only with Refused.
	Divisible bool
	// After is how long upstream asks to wait before the report is sent again, 0 when
	// it does not say.
	After time.Duration
	Cause string // the likely cause and what to do about it; may be empty
	// Reached is as in FetchError.
	Reached Outcome
	Err     error // what happened
}

func (e *ReportError) Error() string { return failureText("reporting", e.Status, e.Cause, e.Err) }

// Unwrap returns Err.
func (e *ReportError) Unwrap() error { return e.Err }

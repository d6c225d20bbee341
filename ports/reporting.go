package ports

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// UsageReporter takes usage.
type UsageReporter interface {
	// ReportUsage sends a batch and returns nil once upstream has taken it, now or
	// earlier. It takes as long as upstream does, bounded by the adapter's own
	// time-out and by ctx. Errors: the context's when it ended; otherwise a
	// *ReportError. Safe for concurrent use.
	ReportUsage(ctx context.Context, b domain.UsageBatch) error
}

// AnalyticsReporter takes what applications tell of their use of features. Its
// methods return nil once upstream has taken the report. They take as long as
// upstream does, bounded by the adapter's own time-out and by ctx. Errors: the
// context's when it ended; otherwise a *ReportError. Safe for concurrent use.
type AnalyticsReporter interface {
	// ReportCounts sends counts of an environment's features.
	ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error
	// ReportEvaluations sends evaluations of an environment's features. An error
	// that wraps errors.ErrUnsupported says that upstream takes counts only.
	ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error
}

// ReportError says why a report did not arrive. It names no secret.
type ReportError struct {
	Status int // of the HTTP answer, 0 when there was none
	// Refused: upstream does not want the report, now or later. Otherwise it may
	// take it later, and may even have taken it.
	Refused bool
	// Divisible: it is refused for something in it, so that upstream may take parts
	// of it. Only with Refused.
	Divisible bool
	// After is how long upstream asks to wait before the report is sent again, 0
	// where it does not say.
	After time.Duration
	Cause string // the likely cause and what to do about it, "" when there is no more to say than Err
	Err   error  // what happened
}

func (e *ReportError) Error() string { return failureText("reporting", e.Status, e.Cause, e.Err) }

// Unwrap returns Err.
func (e *ReportError) Unwrap() error { return e.Err }

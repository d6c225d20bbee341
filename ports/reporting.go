package ports

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Resource is what a served request was for, as usage reports have it.
type Resource uint8

// The resources, and how many there are.
const (
	Flags Resource = iota
	Identities
	EnvironmentDocument
	Resources = iota
)

// String returns the name that upstream knows the resource by (upstream, "Usage").
func (r Resource) String() string {
	switch r {
	case Flags:
		return "flags"
	case Identities:
		return "identities"
	case EnvironmentDocument:
		return "environment-document"
	default:
		return fmt.Sprintf("Resource(%d)", uint8(r))
	}
}

// MaxUsageRows is the most rows that a UsageBatch may have (upstream, "Usage").
const MaxUsageRows = 1000

// UsageRow says how often a resource of an environment was served.
type UsageRow struct {
	Environment domain.EnvironmentKey
	Resource    Resource
	Count       int64 // more than zero
}

// UsageBatch is a report of usage. A batch that may have arrived is sent again
// unchanged, under the same key.
type UsageBatch struct {
	// Key is a UUID by which upstream tells a repetition from a new batch.
	Key  string
	Rows []UsageRow // 1 to MaxUsageRows, with different environments or resources
}

// UsageReporter takes usage.
type UsageReporter interface {
	// ReportUsage sends a batch and returns nil once upstream has taken it, now or
	// earlier. It takes as long as upstream does, bounded by the adapter's own
	// time-out and by ctx. Errors: the context's when it ended; otherwise a
	// *ReportError. Safe for concurrent use.
	ReportUsage(ctx context.Context, b UsageBatch) error
}

// FeatureCount says how often applications asked for a feature.
type FeatureCount struct {
	Feature string
	Count   int64 // more than zero
}

// Evaluation says how often a feature came out so for an identity.
type Evaluation struct {
	Feature  string
	Identity string // identifier, "" for none
	Enabled  bool
	Count    int64 // more than zero
}

// AnalyticsReporter takes what applications tell of their use of features. Its
// methods return nil once upstream has taken the report. They take as long as
// upstream does, bounded by the adapter's own time-out and by ctx. Errors: the
// context's when it ended; otherwise a *ReportError. Safe for concurrent use.
type AnalyticsReporter interface {
	// ReportCounts sends counts of an environment's features.
	ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []FeatureCount) error
	// ReportEvaluations sends evaluations of an environment's features. An error
	// that wraps errors.ErrUnsupported says that upstream takes counts only.
	ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []Evaluation) error
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

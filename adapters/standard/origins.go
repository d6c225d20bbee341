package standard

import (
	"context"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// origins is the origin in use, which can be replaced by one with other settings
// while it is used: requests under way end as they began. What the first one has
// and has not, such as a proxy key, later ones have and have not.
type origins struct{ current atomic.Pointer[origin] }

func newOrigins(first origin) *origins {
	o := &origins{}
	o.current.Store(&first)
	return o
}

// FetchDocument implements ports.Upstream.
func (o *origins) FetchDocument(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	return o.current.Load().FetchDocument(ctx, r)
}

// Discover implements ports.Discoverer.
func (o *origins) Discover(ctx context.Context) ([]domain.EnvironmentKeys, error) {
	return o.current.Load().discoverer.Discover(ctx)
}

// discoverer returns o where the origin has one.
func (o *origins) discoverer() ports.Discoverer {
	if o.current.Load().discoverer == nil {
		return nil
	}
	return o
}

// replace makes next the origin in use.
func (o *origins) replace(next origin) { o.current.Swap(&next).close() }

func (o *origins) close() { o.current.Load().close() }

// ReportUsage implements ports.UsageReporter.
func (o *origins) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	return o.current.Load().usage.ReportUsage(ctx, b)
}

// usage returns o where the origin takes usage.
func (o *origins) usage() ports.UsageReporter {
	if o.current.Load().usage == nil {
		return nil
	}
	return o
}

// ReportCounts implements ports.AnalyticsReporter.
func (o *origins) ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error {
	return o.current.Load().analytics.ReportCounts(ctx, key, counts)
}

// ReportEvaluations implements ports.AnalyticsReporter.
func (o *origins) ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error {
	return o.current.Load().analytics.ReportEvaluations(ctx, key, evaluations)
}

// analytics returns o where the origin takes analytics.
func (o *origins) analytics() ports.AnalyticsReporter {
	if o.current.Load().analytics == nil {
		return nil
	}
	return o
}

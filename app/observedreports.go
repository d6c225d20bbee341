package app

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// timer notifies an observer of requests to upstream.
type timer struct {
	observer  Observer
	now       func() time.Time
	operation Operation
}

// time makes a request, unless its context ends first.
func (t timer) time(ctx context.Context, request func() error) error {
	began := t.now()
	err := request()
	if ctx.Err() == nil {
		t.observer.Fetched(t.operation, ports.OutcomeOf(err), t.now().Sub(began))
	}
	return err
}

// observedUsage is a ports.UsageReporter that an observer is notified of.
type observedUsage struct {
	reporter ports.UsageReporter
	timer
}

// ReportUsage implements ports.UsageReporter.
func (o observedUsage) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	return o.time(ctx, func() error { return o.reporter.ReportUsage(ctx, b) })
}

// observedAnalytics is a ports.AnalyticsReporter that an observer is notified of.
type observedAnalytics struct {
	reporter ports.AnalyticsReporter
	timer
}

// observeAnalytics returns the receiver of analytics, or nil without one.
func observeAnalytics(deps Deps) ports.AnalyticsReporter {
	if deps.Analytics == nil {
		return nil
	}
	return observedAnalytics{deps.Analytics, timer{deps.Observer, deps.Now, ReportAnalytics}}
}

// ReportCounts implements ports.AnalyticsReporter.
func (o observedAnalytics) ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error {
	return o.time(ctx, func() error { return o.reporter.ReportCounts(ctx, key, counts) })
}

// ReportEvaluations implements ports.AnalyticsReporter.
func (o observedAnalytics) ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error {
	return o.time(ctx, func() error { return o.reporter.ReportEvaluations(ctx, key, evaluations) })
}

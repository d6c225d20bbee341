package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
)

// reports runs the reports about the proxy's use to upstream. All kinds run from when
// the listener is open until the last request has been answered, and then send what is
// left.
type reports struct {
	requests  *reporting.Requests
	features  *reporting.Features // nil: switched off
	usage     *reporting.Usage    // nil: switched off
	analytics *reporting.Analytics
	forwards  bool              // analytics have a receiver
	events    *reporting.Events // nil: switched off

	running sync.WaitGroup
	stop    chan struct{}
	cancel  context.CancelFunc // set by start
}

func newReports(deps Deps, config *atomic.Pointer[Config], snapshot func() *Snapshot) *reports {
	pace := func(interval func(*Config) time.Duration) reporting.Pace {
		return reporting.Pace{Interval: func() time.Duration { return interval(config.Load()) }, Now: deps.Now, Random: deps.Random, Logger: deps.Logger}
	}
	r := &reports{requests: reporting.NewRequests(deps.Now), forwards: deps.Analytics != nil, stop: make(chan struct{})}
	if most := config.Load().FeatureTotals; most > 0 {
		r.features = reporting.NewFeatures(most)
	}
	r.analytics = reporting.NewAnalytics(reporting.AnalyticsOptions{
		Pace: pace(func(c *Config) time.Duration { return c.AnalyticsInterval }), Reporter: observeAnalytics(deps), Features: r.features,
	})
	r.events = newEvents(deps, config, snapshot, pace(func(c *Config) time.Duration { return c.EventsInterval }))
	if deps.Usage == nil {
		return r
	}
	r.usage = reporting.NewUsage(reporting.UsageOptions{
		Pace:     pace(func(c *Config) time.Duration { return c.UsageInterval }),
		Reporter: observedUsage{deps.Usage, timer{deps.Observer, deps.Now, ReportUsage}}, Requests: r.requests, Store: deps.Store,
		Node: config.Load().Node, NewKey: deps.NewUUID,
	})
	return r
}

// newEvents returns the Events that deps and config describe; nil: they are off.
func newEvents(deps Deps, config *atomic.Pointer[Config], snapshot func() *Snapshot, pace reporting.Pace) *reporting.Events {
	if deps.Events == nil {
		return nil
	}
	o := reporting.EventsOptions{
		Pace: pace, Sender: deps.Events, Node: config.Load().Node,
		ServerKey: func(digest domain.KeyDigest) domain.ServerKey { return snapshot().ring.ServerKey(digest, deps.Now()) },
		MaxBytes:  func() int64 { return config.Load().EventsMaxBytes },
	}
	if !deps.Volatile {
		o.Store = deps.Store
	}
	return reporting.NewEvents(o)
}

// track sets which environments exist.
func (r *reports) track(environments []domain.EnvironmentKeys) {
	r.requests.Track(environments)
	if r.features != nil {
		r.features.Track(environments)
	}
}

// fill sets what reports know of the status: how they fare, and the environments' requests.
func (r *reports) fill(s *Status) {
	for i := range s.Environments {
		s.Environments[i].Requests = r.requests.Served(s.Environments[i].Key)
	}
	if r.usage != nil {
		s.Reports = append(s.Reports, ReportStatus{UsageReports, r.usage.Progress()})
	}
	if r.forwards {
		s.Reports = append(s.Reports, ReportStatus{AnalyticsReports, r.analytics.Progress()})
	}
	if r.events != nil {
		s.Reports = append(s.Reports, ReportStatus{EventReports, r.events.Progress()})
	}
}

func (r *reports) start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.running.Go(func() { r.analytics.Run(ctx, r.stop) })
	if r.events != nil {
		r.running.Go(func() { r.events.Run(ctx, r.stop) })
	}
	if r.usage != nil {
		r.running.Go(func() { r.usage.Run(ctx, r.stop) })
	}
}

// endReports sends what is left, until ctx ends, but for at least a third of the
// shutdown time-out. It reports whether all of it ended in time.
func (a *App) endReports(ctx context.Context) bool {
	r := a.reports
	close(r.stop)
	ended := make(chan struct{})
	go func() { r.running.Wait(); close(ended) }()
	least := time.NewTimer(a.config.Load().ShutdownTimeout / 3)
	defer least.Stop()
	select {
	case <-ended:
	case <-least.C:
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
	r.cancel()
	return a.waitFor(ctx, "reporting", func() { <-ended })
}

// Requests returns the counter of served requests. ReportsUsage says whether they are
// reported.
func (a *App) Requests() *reporting.Requests { return a.reports.requests }

// ReportsUsage reports whether the requests that Requests counts are reported to upstream.
func (a *App) ReportsUsage() bool { return a.reports.usage != nil }

// Events returns the receiver of the events of experiments; nil: they are not forwarded.
func (a *App) Events() *reporting.Events { return a.reports.events }

// Features returns the totals of applications' reports; nil when they are not counted.
func (a *App) Features() *reporting.Features { return a.reports.features }

// Analytics returns the receiver of applications' reports.
func (a *App) Analytics() *reporting.Analytics { return a.reports.analytics }

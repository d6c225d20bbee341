package app

import (
	"context"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
)

// reports are what the proxy tells upstream of its use. All kinds run from when
// the listener is open until the last request has been answered, and then send
// what is left.
type reports struct {
	usage     *reporting.Usage // nil: switched off
	analytics *reporting.Analytics
	events    *reporting.Events // nil: switched off

	running sync.WaitGroup
	stop    chan struct{}
	cancel  context.CancelFunc // set by start
}

func newReports(s *shared) *reports {
	r := &reports{stop: make(chan struct{})}
	r.analytics = reporting.NewAnalytics(reporting.AnalyticsOptions{
		Reporter: s.deps.Analytics,
		Interval: func() time.Duration { return s.config().AnalyticsInterval },
		Now:      s.deps.Now, Random: s.deps.Random, Logger: s.deps.Logger,
	})
	r.events = newEvents(s, func() *Snapshot { return s.library.snapshot.Load() })
	if s.deps.Usage == nil {
		return r
	}
	r.usage = reporting.NewUsage(reporting.UsageOptions{
		Reporter: s.deps.Usage, Store: s.deps.Store,
		Guard: func(ctx context.Context, f func(context.Context) error) error {
			return s.gate.do(ctx, storeWait, f)
		},
		Node: s.config().Node, NewKey: s.deps.NewUUID,
		Interval: func() time.Duration { return s.config().UsageInterval },
		Now:      s.deps.Now, Random: s.deps.Random, Logger: s.deps.Logger,
	})
	return r
}

// newEvents returns what forwards events, nil where nobody takes them.
func newEvents(s *shared, snapshot func() *Snapshot) *reporting.Events {
	if s.deps.Events == nil {
		return nil
	}
	o := reporting.EventsOptions{
		Sender: s.deps.Events, Node: s.config().Node,
		ServerKey: func(digest domain.KeyDigest) domain.ServerKey { return snapshot().ring.ServerKey(digest, s.deps.Now()) },
		MaxBytes:  func() int64 { return s.config().EventsMaxBytes },
		Interval:  func() time.Duration { return s.config().EventsInterval },
		Now:       s.deps.Now, Random: s.deps.Random, Logger: s.deps.Logger,
	}
	if !s.deps.Volatile {
		o.Store = s.deps.Store
	}
	return reporting.NewEvents(o)
}

// track says which environments there are. It is called before they are served.
func (r *reports) track(environments []domain.EnvironmentKeys) {
	if r.usage != nil {
		r.usage.Track(environments)
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

// endReports has what is left sent, until ctx ends, but for a third of the shutdown
// time-out at least. It reports whether all has ended in time.
func (a *App) endReports(ctx context.Context) bool {
	r := a.reports
	close(r.stop)
	ended := make(chan struct{})
	go func() { r.running.Wait(); close(ended) }()
	least := time.NewTimer(a.config().ShutdownTimeout / 3)
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

// Usage returns what counts served requests, nil when nothing does.
func (a *App) Usage() *reporting.Usage { return a.reports.usage }

// Events returns what takes the events of experiments, nil when nothing does.
func (a *App) Events() *reporting.Events { return a.reports.events }

// Analytics returns what takes applications' reports.
func (a *App) Analytics() *reporting.Analytics { return a.reports.analytics }

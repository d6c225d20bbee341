package reporting

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The approximate memory that analytics may take while they wait to be delivered.
// Evaluations name identities, whose number has no limit.
const (
	countsBytes      = 8 << 20
	evaluationsBytes = 32 << 20
)

// AnalyticsOptions are the parts of Analytics.
type AnalyticsOptions struct {
	Pace
	// Reporter sends what was collected; nil: it is dropped.
	Reporter ports.AnalyticsReporter
	// Features has totals of what is collected; nil: nobody wants them.
	Features *Features
}

// Analytics collect what applications report about their use of features, add it up by
// environment, and deliver it every interval. The methods that add are safe for
// concurrent use, never wait for upstream, and may be called before, during and after
// Run.
//
// Analytics are estimates: they do not survive a restart, and a report that may have
// arrived is sent again.
type Analytics struct {
	o           AnalyticsOptions
	counts      *tally[string]
	evaluations *tally[evaluation]
	countsLoss  loss
	evalLoss    loss
	ledger      ledger
	unwanted    sync.Once // logs that analytics are dropped
	countsOnly  sync.Once // logs that upstream does not accept evaluations
}

// evaluation is the key that evaluations are added up by.
type evaluation struct {
	feature, identity string
	enabled           bool
}

// NewAnalytics returns Analytics that have collected nothing yet.
func NewAnalytics(o AnalyticsOptions) *Analytics {
	a := &Analytics{o: o}
	a.countsLoss.ledger, a.evalLoss.ledger = &a.ledger, &a.ledger
	a.counts = newTally(countsBytes, func(feature string) int { return len(feature) }, strings.Clone, a.countsLoss.overflowed, &a.ledger.pending)
	a.evaluations = newTally(evaluationsBytes,
		func(e evaluation) int { return len(e.feature) + len(e.identity) },
		func(e evaluation) evaluation {
			return evaluation{strings.Clone(e.feature), strings.Clone(e.identity), e.enabled}
		}, a.evalLoss.overflowed, &a.ledger.pending)
	return a
}

// AddCounts adds counts of an environment's features. It does not keep the slice or its
// strings.
func (a *Analytics) AddCounts(key domain.EnvironmentKey, counts []domain.FeatureCount) {
	for _, c := range counts {
		a.o.Features.add(key, c.Feature, c.Count)
	}
	if len(counts) == 0 || a.nobodyWants() {
		return
	}
	entries := make([]entry[string], len(counts))
	for i, c := range counts {
		entries[i] = entry[string]{c.Feature, c.Count}
	}
	a.counts.add(key, entries)
}

// AddEvaluations adds evaluations of an environment's features. It does not keep the
// slice or its strings.
func (a *Analytics) AddEvaluations(key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) {
	for _, e := range evaluations {
		a.o.Features.add(key, e.Feature, e.Count)
	}
	if len(evaluations) == 0 || a.nobodyWants() {
		return
	}
	entries := make([]entry[evaluation], len(evaluations))
	for i, e := range evaluations {
		entries[i] = entry[evaluation]{evaluation{e.Feature, e.Identity, e.Enabled}, e.Count}
	}
	a.evaluations.add(key, entries)
}

func (a *Analytics) nobodyWants() bool {
	if a.o.Reporter != nil {
		return false
	}
	a.unwanted.Do(func() {
		a.o.Logger.Debug("analytics_not_forwarded", "reason", "documents come from a directory, which does not accept reports")
	})
	return true
}

// Run delivers every interval until stop is closed, then delivers what is left. It ends
// early when ctx does.
func (a *Analytics) Run(ctx context.Context, stop <-chan struct{}) {
	if a.o.Reporter == nil {
		return
	}
	const countsKind, evalKind = "analytics", "analytics of identities"
	counts := analyticsQueue[string]{countsKind, a.counts, &a.countsLoss, a.o.Logger, a.sendCounts}.courier(a.o.Pace)
	evaluations := analyticsQueue[evaluation]{evalKind, a.evaluations, &a.evalLoss, a.o.Logger, a.sendEvaluations}.courier(a.o.Pace)
	var both sync.WaitGroup
	both.Go(func() { counts.run(ctx, stop) })
	both.Go(func() { evaluations.run(ctx, stop) })
	both.Wait()
	counts.run(ctx, stop) // the last evaluations may have become counts
}

func (a *Analytics) sendCounts(ctx context.Context, p batch[string]) error {
	counts := make([]domain.FeatureCount, len(p.entries))
	for i, e := range p.entries {
		counts[i] = domain.FeatureCount{Feature: e.what, Count: e.count}
	}
	err := a.o.Reporter.ReportCounts(ctx, p.environment, counts)
	if err == nil {
		a.ledger.accepted(p.sum(), a.o.Now())
	}
	return err
}

// sendEvaluations sends evaluations. Where upstream does not accept them, it adds their
// counts to the counts.
func (a *Analytics) sendEvaluations(ctx context.Context, p batch[evaluation]) error {
	evaluations := make([]domain.FeatureEvaluation, len(p.entries))
	for i, e := range p.entries {
		evaluations[i] = domain.FeatureEvaluation{Feature: e.what.feature, Identity: e.what.identity, Enabled: e.what.enabled, Count: e.count}
	}
	err := a.o.Reporter.ReportEvaluations(ctx, p.environment, evaluations)
	if err == nil {
		a.ledger.accepted(p.sum(), a.o.Now())
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	a.countsOnly.Do(func() {
		a.o.Logger.WarnContext(ctx, "analytics_without_identities", append(attributes(err), "effect", "features are counted, without identities")...)
	})
	entries := make([]entry[string], len(p.entries))
	for i, e := range p.entries {
		entries[i] = entry[string]{e.what.feature, e.count}
	}
	a.counts.add(p.environment, entries)
	return nil
}

// analyticsQueue is the queue of one kind of analytics.
type analyticsQueue[K comparable] struct {
	kind string
	*tally[K]
	loss   *loss
	logger *slog.Logger
	send   func(context.Context, batch[K]) error
}

func (s analyticsQueue[K]) courier(p Pace) *courier[batch[K]] {
	return &courier[batch[K]]{queue: s, kind: s.kind, Pace: p}
}

func (s analyticsQueue[K]) take(context.Context) []batch[K] { return s.tally.take() }

func (s analyticsQueue[K]) deliver(ctx context.Context, p batch[K]) error { return s.send(ctx, p) }

func (s analyticsQueue[K]) settle(_ context.Context, p batch[K], became outcome, err error) {
	switch became {
	case delayed:
		s.putBack(p)
	case refused:
		s.loss.refused(p.sum(), err)
		s.release(p)
	default:
		s.release(p)
	}
}

// rest logs what was lost since the last time.
func (s analyticsQueue[K]) rest(ctx context.Context) {
	full, unwelcome, err := s.loss.take()
	if full+unwelcome == 0 {
		return
	}
	list := []any{"kind", s.kind, "no_room_for", full, "refused", unwelcome}
	if err != nil {
		list = append(list, attributes(err)...)
	}
	s.logger.WarnContext(ctx, "analytics_dropped", list...)
}

func (s analyticsQueue[K]) end(ctx context.Context) {
	var left int64
	for _, p := range s.tally.take() {
		left += p.sum()
		s.release(p)
	}
	if left > 0 {
		s.loss.ledger.notDelivered.Add(left)
		s.logger.WarnContext(ctx, "analytics_dropped", "kind", s.kind, "not_delivered", left)
	}
}

// loss counts what was dropped.
type loss struct {
	ledger          *ledger // counts it too, since the start
	full, unwelcome atomic.Int64
	last            atomic.Pointer[error]
}

func (l *loss) overflowed(n int64) {
	l.full.Add(n)
	l.ledger.full.Add(n)
}

func (l *loss) refused(n int64, err error) {
	l.unwelcome.Add(n)
	l.ledger.refused.Add(n)
	l.last.Store(&err)
}

func (l *loss) take() (full, unwelcome int64, err error) {
	full, unwelcome = l.full.Swap(0), l.unwelcome.Swap(0)
	if last := l.last.Swap(nil); last != nil {
		err = *last
	}
	return full, unwelcome, err
}

package reporting

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain/outage"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// deliveriesAtOnce bounds the reports under way at one time.
	deliveriesAtOnce = 8
	// firstRetry is the pause after the first failure. It doubles with each further
	// one, up to the interval.
	firstRetry = time.Second
	// longestAfter bounds the pause that upstream may ask for.
	longestAfter = 10 * time.Minute
	// lookAgain is how soon a change of the interval is noticed.
	lookAgain = 5 * time.Second
	// lastTries is how often delivery is tried at the end, and lastPause the first
	// pause in between.
	lastTries = 3
	lastPause = 250 * time.Millisecond
)

// queue is where a courier gets its batches. take and rest are called from one
// goroutine, the others from several.
type queue[P any] interface {
	// take returns the batches to deliver now.
	take(ctx context.Context) []P
	deliver(ctx context.Context, batch P) error
	// settle is called with the outcome of each batch that take returned.
	settle(ctx context.Context, batch P, became outcome, err error)
	// rest is called at the end of every round.
	rest(ctx context.Context)
	// end is called last; what is still queued will not be delivered.
	end(ctx context.Context)
}

// outcome is the result of delivering a batch.
type outcome uint8

const (
	arrived outcome = iota
	delayed         // it was not accepted now, or the result is unknown
	refused         // it must not be sent again
)

// Pace is how often reports of a kind are delivered, and what delivery needs.
type Pace struct {
	// Interval returns the time between two deliveries, more than zero. It is called
	// before each.
	Interval func() time.Duration
	Now      func() time.Time
	// Random returns numbers in [0, 1) for jitter; safe for concurrent use.
	Random func() float64
	Logger *slog.Logger
}

// courier delivers the batches of a queue: every interval, again after a pause when
// that fails, and once more at the end.
type courier[P any] struct {
	Pace
	queue[P]
	kind string // for the log
	// early requests a round before its time. It is ignored after a failure and may be
	// nil.
	early    <-chan struct{}
	failures int // rounds in a row in which something was delayed
	// after is the pause that upstream asked for when it last failed.
	after  time.Duration
	jitter float64       // of the pause after the last failure, from 0 to 1
	outage outage.Outage // for the log
	ending bool          // no round comes after those of finish
}

// run delivers until stop is closed, then finishes deliveries under way and delivers
// what is left. It ends early when ctx does.
func (c *courier[P]) run(ctx context.Context, stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer c.end(ctx)
	var due func() time.Duration // nil before the first round, which delivers what an earlier run left
	for {
		select {
		case <-ctx.Done():
			return
		case <-stop:
			c.finish(ctx)
			return
		case <-timer.C:
		case <-c.early:
			if due != nil && c.failures == 0 {
				due = func() time.Duration { return 0 }
			}
		}
		if due == nil || due() <= 0 {
			first, began, retrying := due == nil, c.Now(), c.failures > 0
			c.round(ctx)
			due = c.schedule(first, began, retrying)
		}
		timer.Reset(min(due(), lookAgain))
	}
}

// runSaving is run with calls of save every interval meanwhile. They do not wait for
// deliveries or for the pauses after failures.
func (c *courier[P]) runSaving(ctx context.Context, stop <-chan struct{}, interval func() time.Duration, save func(context.Context)) {
	saving, stopSaving := context.WithCancel(ctx)
	var saver sync.WaitGroup
	saver.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for last := c.Now(); ; {
			select {
			case <-saving.Done():
				return
			case <-stop:
				return
			case <-timer.C:
			}
			if left(interval(), last, c.Now()) == 0 {
				last = c.Now()
				save(saving)
			}
			timer.Reset(min(lookAgain, left(interval(), last, c.Now())))
		}
	})
	c.run(ctx, stop)
	stopSaving()
	saver.Wait()
}

// schedule returns a function that returns the time until the next round, after a round
// that began at that time. The function follows the interval, which can change.
func (c *courier[P]) schedule(first bool, began time.Time, retrying bool) func() time.Duration {
	random, ended := c.Random(), c.Now()
	return func() time.Duration {
		interval := c.Interval()
		switch {
		case c.failures > 0:
			return left(c.retryIn(), ended, c.Now())
		case retrying: // and more has piled up behind
			return 0
		case first: // nodes that start together need not report together
			return left(time.Duration(random*float64(interval)), ended, c.Now())
		default:
			return left(interval, began, c.Now())
		}
	}
}

// retryIn returns the pause after a failure.
func (c *courier[P]) retryIn() time.Duration {
	rest := c.Interval()
	if doublings := c.failures - 1; doublings < 32 {
		rest = min(rest, firstRetry<<doublings)
	}
	return max(c.after, time.Duration((0.5+c.jitter/2)*float64(rest)))
}

// left returns how much is left at now of a period that began at since. A clock that
// was set back does not make it longer.
func left(of time.Duration, since, now time.Time) time.Duration {
	return min(of, max(0, of-now.Sub(since)))
}

// finish delivers what is left.
func (c *courier[P]) finish(ctx context.Context) {
	c.ending = true
	for try := 0; ctx.Err() == nil; {
		taken, failed := c.round(ctx)
		if taken == 0 {
			return
		}
		if failed == 0 {
			continue
		}
		if try++; try == lastTries {
			return
		}
		select {
		case <-time.After(lastPause << try):
		case <-ctx.Done():
		}
	}
}

// round delivers what is queued. It returns how many batches that were, and how many of
// them are delayed.
func (c *courier[P]) round(ctx context.Context) (taken, failed int) {
	var (
		all              sync.WaitGroup
		away             atomic.Bool // upstream does not answer: the others would only wait for the same
		delivered, stuck atomic.Int64
		failure          atomic.Pointer[error]
	)
	batches := c.take(ctx)
	slots := make(chan struct{}, deliveriesAtOnce)
	for _, batch := range batches {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if away.Load() {
				stuck.Add(1)
				c.settle(ctx, batch, delayed, nil)
				return
			}
			err := c.deliver(ctx, batch)
			became := outcomeOf(err)
			if became == delayed {
				stuck.Add(1)
				failure.Store(&err)
				if unanswered(err) {
					away.Store(true)
				}
			} else {
				delivered.Add(1)
			}
			c.settle(ctx, batch, became, err)
		})
	}
	all.Wait()
	c.note(ctx, int(delivered.Load()), failure.Load())
	c.rest(ctx)
	return len(batches), int(stuck.Load())
}

func outcomeOf(err error) outcome {
	var report *ports.ReportError
	switch {
	case err == nil:
		return arrived
	case errors.As(err, &report) && report.Refused:
		return refused
	default:
		return delayed
	}
}

// afterOf returns the pause that upstream asks for, at most longestAfter.
func afterOf(err error) time.Duration {
	var report *ports.ReportError
	if !errors.As(err, &report) {
		return 0
	}
	return min(report.After, longestAfter)
}

// unanswered reports whether upstream did not answer.
func unanswered(err error) bool {
	var report *ports.ReportError
	return !errors.As(err, &report) || report.Status == 0
}

// note counts failures, and logs them as package outage says.
func (c *courier[P]) note(ctx context.Context, delivered int, failure *error) {
	switch {
	case failure != nil && ctx.Err() == nil:
		c.failures++
		c.after, c.jitter = afterOf(*failure), c.Random()
		if c.outage.Failed(c.Now(), "") {
			list := append([]any{"kind", c.kind}, attributes(*failure)...)
			list = append(list, c.outage.Summary().Attributes()...)
			if !c.ending {
				list = append(list, "next_try", c.retryIn().Round(time.Millisecond).String())
			}
			c.Logger.WarnContext(ctx, "reports_fail", list...)
		}
	case failure == nil && delivered > 0 && c.failures > 0:
		c.failures = 0
		if was, ended := c.outage.End(); ended {
			c.Logger.InfoContext(ctx, "reports_arrive_again", append([]any{"kind", c.kind}, was.After(c.Now())...)...)
		}
	}
}

// attributes returns the log attributes of an error.
func attributes(err error) []any {
	var report *ports.ReportError
	if !errors.As(err, &report) {
		return []any{"error", err}
	}
	list := []any{"error", &ports.ReportError{Status: report.Status, Err: report.Err}}
	if report.Status != 0 {
		list = append(list, "status", report.Status)
	}
	if report.Cause != "" {
		list = append(list, "cause", report.Cause)
	}
	return list
}

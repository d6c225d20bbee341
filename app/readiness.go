package app

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// readyCheck and unreadyCheck are how often readiness is assessed for the log,
	// while the proxy is ready and while it is not.
	readyCheck, unreadyCheck = time.Second, 100 * time.Millisecond
	// patience is how long a start may take before it is logged that the proxy is not
	// ready yet, or two poll intervals where those are longer.
	patience = 10 * time.Second
)

// readinessLog logs when the proxy becomes ready and when it is not ready any more.
type readinessLog struct {
	app      *App
	began    time.Time
	starting bool         // nothing is logged yet
	state    domain.State // as logged last
	// unready is since when the proxy is not ready, everReady whether it ever was.
	unready   time.Time
	everReady bool
}

// logReadiness logs readiness until ctx ends.
func (a *App) logReadiness(ctx context.Context) {
	now := a.deps.Now()
	r := &readinessLog{app: a, began: now, unready: now, starting: true, state: domain.Missing}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(r.assess(ctx))
		}
	}
}

// assess logs a change of readiness, and returns when to look again.
func (r *readinessLog) assess(ctx context.Context) time.Duration {
	a := r.app
	now, report := a.deps.Now(), a.roster.report()
	wait := unreadyCheck
	if report.State == domain.Fresh {
		wait = readyCheck
	}
	switch {
	case report.State == r.state && !r.starting:
		return wait
	case report.State == domain.Fresh:
		served, all := a.library.served()
		elapsed := "took"
		if r.everReady {
			elapsed = "after"
		}
		a.deps.Logger.InfoContext(ctx, "ready", "environments", fmt.Sprintf("%d/%d", served, all),
			elapsed, now.Sub(r.unready).Round(time.Millisecond).String())
		r.everReady = true
		a.recent.Add("ready", "", "The proxy is ready.")
	case r.starting && now.Sub(r.began) < max(patience, 2*a.config.Load().Freshness.PollInterval):
		return wait
	default:
		if r.state == domain.Fresh {
			r.unready = now
		}
		a.logNotReady(ctx, now, report)
		a.recent.Add("not_ready", "", "The proxy is not ready.")
	}
	r.state, r.starting = report.State, false
	return wait
}

// logNotReady logs why the proxy is not ready: which environment is in the worst state,
// and by how much.
func (a *App) logNotReady(ctx context.Context, now time.Time, report domain.Report) {
	served, all := a.library.served()
	list := []any{"reason", "missing", "environments", fmt.Sprintf("%d/%d", served, all)}
	if report.State == domain.Stale {
		list[1] = "stale"
		list = append(list, "age", now.Sub(report.LastUpdate).Round(time.Millisecond).String())
		if limit, finite := a.roster.freshness().TotalGrace(all); finite {
			list = append(list, "limit", limit.String())
		}
	}
	key, confirmed := a.library.oldest()
	switch d := a.roster.discovery; {
	case d != nil && !confirmed.IsZero() && d.confirmed().Before(confirmed), d != nil && all == 0:
		list = append(list, "cause", "the list of environments was not confirmed")
	case key != "":
		list = append(list, "client_side_key", string(key))
	}
	a.deps.Logger.WarnContext(ctx, "not_ready", append(list, "effect", "readiness answers 503; documents are still served")...)
}

package simulation_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// mostSkew is how far a clock is from the true time at most.
const mostSkew = 3 * time.Minute

// node is a machine: it has a clock, and runs one process at a time. Steps alone use it.
type node struct {
	w         *world
	index     int
	clock     atomic.Int64 // by how much it is ahead
	jumped    time.Time    // when the clock was set last
	skews     []time.Duration
	processes int
	life      *life // nil while no process runs
}

// life is one process.
type life struct {
	w      *world
	node   *node
	name   string
	app    *app.App
	public http.Handler
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
	result error
	asking sync.WaitGroup // what operators have asked for
	gone   chan struct{}  // closed when the process has crashed
	uuids  atomic.Int64

	// resumed is closed when a paused process may continue; nil: it is not paused. world.mu
	// guards it and what follows.
	resumed chan struct{}
	known   map[domain.EnvironmentKey]*knowledge
	config  []domain.EnvironmentKeys // as configured or listed last

	// Steps alone use what follows.
	paused  bool
	crashed bool
	drained time.Time // until when an operator has drained it, by the true time
	posted  int64     // counts of analytics that it has accepted
	checked time.Time // when it started or was last checked, which it is not while it is paused
}

// knowledge is what a process may know of an environment.
type knowledge struct {
	newest time.Time // updated_at of the newest document that it can have
	older  int       // answers in a row that were older

	served    *document // by the last check without measures of operators
	since     time.Time // from when on
	confirmed time.Time // as of the last check, by its own clock
	absent    time.Time // the last check before it was so
	served200 bool      // it was answered once
	late      bool      // it came, or would come, after the process had begun to serve
}

func (n *node) ahead() time.Duration { return time.Duration(n.clock.Load()) }

func (n *node) now() time.Time { return time.Now().Round(0).Add(n.ahead()) }

// jump sets the clock.
func (n *node) jump(ahead time.Duration) {
	n.skews = append(n.skews, n.ahead())
	n.clock.Store(int64(ahead))
	n.jumped = time.Now()
}

// start starts a process unless one runs.
func (n *node) start() {
	if n.life != nil {
		return
	}
	w, p := n.w, n.w.plan
	n.processes++
	process := n.processes // an earlier one may still be ending
	name := fmt.Sprintf("node-%d", n.index+1)
	if p.settings.renames {
		name += fmt.Sprintf(".%d", process)
	}
	l := &life{w: w, node: n, name: name, ended: make(chan struct{}), gone: make(chan struct{}), known: map[domain.EnvironmentKey]*knowledge{}, checked: time.Now()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	var store ports.Store = handle{w.store.open(time.Now), w.store, l}
	if p.settings.durable {
		store = exclusive{store.(handle)}
	}
	grace := p.settings.grace
	config := app.Config{
		Freshness: domain.Freshness{PollInterval: interval, Grace: &grace}, PollConcurrency: 4, Lease: lease, Node: name,
		DrainDelay: 2 * time.Second, ShutdownTimeout: 9 * time.Second, UsageInterval: reports, AnalyticsInterval: reports,
		History: app.History{Documents: 4, Bytes: 1 << 20},
	}
	if p.settings.guard {
		config.DocumentGuard = app.DocumentGuard{Mode: app.GuardHold, Hold: time.Minute, Limits: domain.ChangeLimits{MaxRemoved: 50, MaxTurnedOff: 50, MinFeatures: 2}}
	}
	reached := connection{w.upstream, l}
	deps := app.Deps{
		Upstream: reached, Store: store, Presenter: &httpapi.Presenter{}, Logger: slog.New(w.logs(name)), Now: n.now,
		Random: func() float64 { return w.dice.at(time.Now(), name, "random").Float64() },
		Usage:  reached, Analytics: reached,
		NewUUID: func() string { return fmt.Sprintf("%s/%d/%d", name, process, l.uuids.Add(1)) },
	}
	if p.settings.stream {
		deps.Notifier = reached
	}
	if p.settings.discovery {
		deps.Discoverer = reached
	} else {
		w.mu.Lock()
		config.Environments = w.upstream.configured()
		l.listed(config.Environments)
		w.mu.Unlock()
	}
	l.app = app.New(config, deps)
	var err error
	if l.public, err = httpapi.New(httpapi.Options{Query: l.app, Usage: l.app.Requests(), Analytics: l.app.Analytics(), Now: n.now}); err != nil {
		panic(err) // the options are right
	}
	n.life = l
	go func() {
		defer close(l.ended)
		l.result = l.app.Run(l.ctx, &input{ended: make(chan struct{})})
	}()
}

// reload has the process take over the configuration as it is now.
func (n *node) reload() {
	if n.life == nil || n.w.plan.settings.discovery {
		return
	}
	l := n.life
	grace := n.w.plan.settings.grace
	n.w.mu.Lock()
	environments := n.w.upstream.configured()
	l.listed(environments)
	n.w.mu.Unlock()
	config := app.Config{
		Environments: environments,
		Freshness:    domain.Freshness{PollInterval: interval, Grace: &grace}, PollConcurrency: 4, Lease: lease,
		DrainDelay: 2 * time.Second, ShutdownTimeout: 9 * time.Second, UsageInterval: reports, AnalyticsInterval: reports,
		History: app.History{Documents: 4, Bytes: 1 << 20},
	}
	if n.w.plan.settings.guard {
		config.DocumentGuard = app.DocumentGuard{Mode: app.GuardHold, Hold: time.Minute, Limits: domain.ChangeLimits{MaxRemoved: 50, MaxTurnedOff: 50, MinFeatures: 2}}
	}
	l.app.Apply(config)
}

// crash ends the process at once: nothing that it does from now on has an effect.
func (n *node) crash() {
	l := n.life
	if l == nil {
		return
	}
	n.w.lost += max(0, pendingUsage(l.app)-n.w.store.spooled(l))
	l.crashed = true
	close(l.gone)
	n.leave(l)
	if n.w.plan.settings.durable {
		n.w.store.crashed()
	}
}

// stop asks the process to end.
func (n *node) stop() {
	if l := n.life; l != nil && !l.paused {
		n.leave(l)
	}
}

func (n *node) leave(l *life) {
	n.life = nil
	n.resumeLife(l)
	l.cancel()
	n.w.ending = append(n.w.ending, l)
}

// pause freezes the process: what it asks others is not sent, and what they answer does not
// arrive, until it is resumed.
func (n *node) pause() {
	if l := n.life; l != nil && !l.paused {
		n.w.mu.Lock()
		l.resumed = make(chan struct{})
		n.w.mu.Unlock()
		l.paused = true
	}
}

func (n *node) resume() {
	if n.life != nil {
		n.resumeLife(n.life)
	}
}

func (n *node) resumeLife(l *life) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if l.resumed != nil {
		close(l.resumed)
		l.resumed = nil
	}
	l.paused = false
}

func (n *node) drain(limit time.Duration) {
	if n.life != nil && n.life.app.Drain(limit) == nil {
		n.life.drained = time.Now().Add(limit)
	}
}

func (n *node) undrain() {
	if n.life == nil {
		return
	}
	if _, err := n.life.app.Undrain(); err == nil {
		n.life.drained = time.Time{}
	}
}

// awake waits until the process is not paused. Errors: the context's; errGone.
func (l *life) awake(ctx context.Context) error {
	for {
		l.w.mu.Lock()
		resumed := l.resumed
		l.w.mu.Unlock()
		if resumed == nil {
			break
		}
		select {
		case <-resumed:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.gone:
			return errGone
		}
	}
	select {
	case <-l.gone:
		return errGone
	default:
		return ctx.Err()
	}
}

// wait lets time pass for the process.
func (l *life) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.gone:
		return errGone
	}
	return l.awake(ctx)
}

// The following need world.mu.

func (l *life) of(key domain.EnvironmentKey) *knowledge {
	if l.known[key] == nil {
		l.known[key] = &knowledge{}
	}
	return l.known[key]
}

// answered takes note of an answer of upstream with a document, which has arrived.
func (l *life) answered(e *environment, d *document, unconditional bool) {
	k := l.of(e.key)
	switch {
	case !d.updated.Before(k.newest):
		k.newest, k.older = d.updated, 0
	case unconditional:
		if k.older++; k.older >= 3 {
			e.insisted = append(e.insisted, insistence{time.Now(), d})
			k.newest, k.older = d.updated, 0
		}
	}
}

// listed takes note of environments that the process may serve from now on.
func (l *life) listed(list []domain.EnvironmentKeys) {
	for _, e := range list {
		former := slices.ContainsFunc(l.config, func(o domain.EnvironmentKeys) bool { return o.Client == e.Client })
		k := l.of(e.Client)
		k.late = k.late || l.config != nil && !former
	}
	l.config = list
}

// read takes note of a record that the store has answered with.
func (l *life) read(key domain.EnvironmentKey, r ports.Record) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if k := l.of(key); r.UpdatedAt.After(k.newest) {
		k.newest = r.UpdatedAt
	}
}

// pendingUsage returns how many requests a process has counted and not reported yet.
func pendingUsage(a *app.App) int64 { return progressOf(a, app.UsageReports).Pending }

func progressOf(a *app.App, kind app.ReportKind) reporting.Progress {
	for _, r := range a.Status().Reports {
		if r.Kind == kind {
			return r.Progress
		}
	}
	return reporting.Progress{}
}

// get asks a process for something.
func (l *life) get(method, path, key, body string) (status int, answer string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("X-Environment-Key", key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	l.public.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

// request is a client's, of any kind.
func (n *node) request(i int, r *rand.Rand) {
	if l := n.life; l != nil && !l.paused {
		e := n.w.upstream.environments[i]
		switch r.IntN(3) {
		case 0:
			n.w.checkFlags(l, e)
		case 1:
			n.w.checkIdentity(l, e, chance(r, 2))
		default:
			n.w.checkDocument(l, e)
		}
	}
}

// analytics is an application's report about its use of a feature.
func (n *node) analytics(i int, count int64) {
	if l := n.life; l != nil && !l.paused {
		status, _ := l.get(http.MethodPost, "/api/v1/analytics/flags/", string(n.w.upstream.environments[i].key), fmt.Sprintf(`{"alpha":%d}`, count))
		if status == http.StatusOK {
			l.posted += count
		}
	}
}

// input is a server without a port.
type input struct{ ended chan struct{} }

func (i *input) Listen(context.Context) (string, error) { return "simulated", nil }
func (i *input) Serve() error                           { <-i.ended; return nil }
func (i *input) Drain()                                 {}
func (i *input) Undrain()                               {}
func (i *input) Shutdown(context.Context) error         { close(i.ended); return nil }

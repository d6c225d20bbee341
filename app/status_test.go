package app_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// observed records what an App notifies its observer of.
type observed struct {
	mu      sync.Mutex
	fetched map[ports.Outcome]int
	changes []app.Change
	refused map[app.Refusal]int
	leases  map[app.LeaseChange]int
	store   map[app.StoreOperation]int
	failed  []error // of the store
}

func newObserved() *observed {
	return &observed{fetched: map[ports.Outcome]int{}, refused: map[app.Refusal]int{}, leases: map[app.LeaseChange]int{}, store: map[app.StoreOperation]int{}}
}

func (o *observed) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *observed) Fetched(_ app.Operation, outcome ports.Outcome, _ time.Duration) {
	o.do(func() { o.fetched[outcome]++ })
}
func (o *observed) Changed(c app.Change) { o.do(func() { o.changes = append(o.changes, c) }) }
func (o *observed) Refused(_ domain.EnvironmentKey, why app.Refusal) {
	o.do(func() { o.refused[why]++ })
}
func (o *observed) PollLate() {}
func (o *observed) StoreCalled(op app.StoreOperation, err error, _ time.Duration) {
	o.do(func() {
		o.store[op]++
		if err != nil && !errors.Is(err, ports.ErrNotFound) {
			o.failed = append(o.failed, err)
		}
	})
}
func (o *observed) LeaseChanged(_ domain.EnvironmentKey, c app.LeaseChange) {
	o.do(func() { o.leases[c]++ })
}
func (o *observed) Announced(domain.EnvironmentKey) {}
func (o *observed) CutOff(domain.EnvironmentKey)    {}

// last returns the change that was observed last.
func (o *observed) last() (c app.Change) {
	o.do(func() {
		if n := len(o.changes); n > 0 {
			c = o.changes[n-1]
		}
	})
	return c
}

// TestStatusFollowsAnOutage: the status says what is served, what fails and since when.
func TestStatusFollowsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, o := newUpstream(), newObserved()
		began := time.Now()
		u.put(key, began.Add(-time.Hour), "first")
		n := start(t, u, setup{observer: o})
		pass(time.Second)
		s := n.Status()
		e := s.Environments[0]
		if s.Readiness.State != app.Ready || len(s.Readiness.Reasons) != 0 || s.Upstream.State != app.UpstreamOK || !s.Store.Up || s.Limit != 40*time.Second {
			t.Errorf("when all is well: %+v", s)
		}
		if e.State != app.EnvironmentFresh || e.Via != app.ViaPoll || e.Lease != app.LeaseThisNode || e.Facts.Features != 1 || e.Facts.Name != "Test" ||
			!e.Updated.Equal(began.Add(-time.Hour)) || e.Served.IsZero() || len(e.Polls) != 1 || e.Polls[0].Outcome != ports.OutcomeOK {
			t.Errorf("the environment: %+v", e)
		}
		u.script(down)
		pass(3 * interval)
		s = n.Status()
		if e := s.Environments[0]; e.State != app.EnvironmentFresh || e.Failures != 3 || e.LastFailure == nil || e.LastFailure.Outcome != ports.OutcomeServerError ||
			e.LastFailure.Cause != "not available at the moment" || s.Upstream.State != app.UpstreamFailing || s.Upstream.Failures != 3 || s.Readiness.State != app.Ready {
			t.Errorf("while upstream is away: %+v, %+v", s.Upstream, e)
		}
		pass(4 * interval)
		s = n.Status()
		if r := s.Readiness; r.State != app.DocumentStale || len(r.Reasons) != 1 || r.Reasons[0].Environment != key || r.Reasons[0].For <= 0 ||
			r.Reasons[0].For >= s.At.Sub(s.Environments[0].Confirmed) || s.Environments[0].State != app.EnvironmentStale {
			t.Errorf("once it is stale: %+v", r)
		}
		u.script(nil)
		pass(3 * interval)
		if s := n.Status(); s.Readiness.State != app.Ready || s.Upstream.State != app.UpstreamOK || s.Environments[0].Failures != 0 || s.Upstream.LastSuccess.IsZero() {
			t.Errorf("after the outage: %+v", s)
		}
		events, _ := n.Recent().Since(0)
		kinds := map[string]bool{}
		for _, e := range events {
			kinds[e.Kind] = true
		}
		for _, kind := range []string{"document_loaded", "ready", "not_ready"} {
			if !kinds[kind] {
				t.Errorf("no event %q in %v", kind, events)
			}
		}
		o.do(func() { // after five failures polls are up to two intervals apart
			if o.fetched[ports.OutcomeServerError] < 6 || o.fetched[ports.OutcomeNotModified]+o.fetched[ports.OutcomeOK] < 2 || o.leases[app.LeaseWon] == 0 || o.store[app.StorePut] == 0 || len(o.failed) != 0 {
				t.Errorf("observed: %v fetched, leases %v, store %v %v", o.fetched, o.leases, o.store, o.failed)
			}
		})
	})
}

// TestStatusNamesTheEnvironmentThatFails: one key that is refused makes one environment
// missing, and upstream is well.
func TestStatusNamesTheEnvironmentThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other = domain.EnvironmentKey("client-2")
		u := newUpstream()
		u.put(key, time.Now(), "one")
		n := start(t, u, setup{environments: environments(key, other)})
		pass(interval)
		s := n.Status()
		if r := s.Readiness; r.State != app.DocumentMissing || len(r.Reasons) != 1 || r.Reasons[0] != (app.Reason{Code: app.DocumentMissing, Environment: other}) {
			t.Errorf("readiness %+v", r)
		}
		if s.Upstream.State != app.UpstreamOK || s.Upstream.Failures != 0 || s.Upstream.LastFailure != nil || len(s.Upstream.Polls) < 4 {
			t.Errorf("upstream %+v", s.Upstream)
		}
		if e := s.Environments[1]; e.State != app.EnvironmentMissing || e.LastFailure == nil || e.LastFailure.Outcome != ports.OutcomeForbidden || e.Via != "" || !e.Confirmed.IsZero() {
			t.Errorf("the environment without a document: %+v", e)
		}
	})
}

// TestStatusAgreesWithReadiness compares the two while they change.
func TestStatusAgreesWithReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		n := start(t, u, setup{})
		states := map[domain.State]app.ReadinessState{domain.Fresh: app.Ready, domain.Missing: app.DocumentMissing, domain.Stale: app.DocumentStale}
		seen := map[app.ReadinessState]bool{}
		check := func() {
			t.Helper()
			r, s := n.Readiness(), n.Status().Readiness
			want := states[r.State]
			if r.Draining {
				want = app.NodeDraining
			}
			if s.State != want || !s.LastUpdate.Equal(r.LastUpdate) || (s.State == app.Ready) != (len(s.Reasons) == 0) {
				t.Fatalf("readiness %+v, status %+v", r, s)
			}
			seen[s.State] = true
		}
		for step := range 60 {
			switch step {
			case 5:
				u.put(key, time.Now(), "on")
			case 20:
				u.script(down)
			case 45:
				u.script(nil)
			}
			pass(interval / 3)
			check()
		}
		n.stop()
		pass(time.Second)
		check()
		if len(seen) != len(app.ReadinessStates()) {
			t.Errorf("only %v were seen", seen)
		}
	})
}

// TestPropagationIsCorrectedByUpstreamsClock: the time from a change upstream until it
// is served does not depend on how far the clocks are apart.
func TestPropagationIsCorrectedByUpstreamsClock(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"the same": 0, "ahead": 90 * time.Second, "behind": -7 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, o, backend := newUpstream(), newObserved(), sharedmemory.New()
				u.ahead = ahead
				u.put(key, time.Now().Add(ahead-time.Hour), "old")
				n := start(t, u, setup{observer: o, store: handle(t, backend)})
				pass(2 * interval)
				if c := o.last(); !c.First || c.Propagation >= 0 {
					t.Errorf("the first document: %+v", c)
				}
				changed := time.Now()
				u.put(key, changed.Add(ahead), "new")
				pass(2 * interval)
				served := n.Status().Environments[0].Served
				c, want := o.last(), served.Sub(changed)
				if c.First || c.Via != app.ViaPoll || c.Propagation < want-time.Second || c.Propagation > want+time.Second {
					t.Errorf("%+v, want a propagation of %v within a second", c, want)
				}
				changed = time.Now()
				u.put(key, changed.Add(ahead), "newest")
				n.RefreshAll(t.Context())
				pass(interval / 2)
				if c := o.last(); c.Via != app.ViaWebhook || c.Propagation > time.Second {
					t.Errorf("by a webhook: %+v", c)
				}
			})
		})
	}
}

// A follower, which does not ask upstream, corrects what comes by the store with what the
// leaseholder knows of upstream's clock. Where its own clock is not that of the leaseholder,
// it knows when a note was made only to the time between two looks at the lease, an interval
// and a quarter, and the two beats that a note may wait.
func TestPropagationByTheStoreIsCorrected(t *testing.T) {
	const apart = interval * 7 / 4
	for _, c := range []struct{ upstream, follower, tolerance time.Duration }{
		{0, 0, time.Second},
		{10 * time.Minute, 0, time.Second},
		{-10 * time.Minute, 0, time.Second},
		{10 * time.Minute, -10 * time.Minute, apart},
		{-10 * time.Minute, 10 * time.Minute, apart},
		{0, 10 * time.Minute, apart},
	} {
		t.Run(fmt.Sprintf("upstream %v ahead, follower %v", c.upstream, c.follower), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, o, backend := newUpstream(), newObserved(), sharedmemory.New()
				u.ahead = c.upstream
				u.put(key, time.Now().Add(c.upstream-time.Hour), "old")
				start(t, u, setup{name: "leader", store: handle(t, backend)})
				pass(2 * interval)
				follower := start(t, u, setup{
					name: "follower", observer: o, store: &remote{handle(t, backend), c.follower},
					now: func() time.Time { return time.Now().Add(c.follower) },
				})
				pass(4 * interval)
				changed := time.Now()
				u.put(key, changed.Add(c.upstream), "new")
				pass(2 * interval)
				follower.serves(t, "new")
				served := follower.Status().Environments[0].Served.Add(-c.follower)
				got, want := o.last(), served.Sub(changed)
				if got.Via != app.ViaStore || got.Propagation < want-c.tolerance || got.Propagation > want+c.tolerance {
					t.Errorf("%+v, want a propagation of %v within %v", got, want, c.tolerance)
				}
			})
		})
	}
}

// A follower that has just begun does not know upstream's clock yet. What it cannot measure
// is not measured, whenever the change comes.
func TestPropagationByTheStoreIsNotGuessed(t *testing.T) {
	const ahead = -10 * time.Minute
	measured := 0
	for wait := time.Duration(0); wait < 2*interval; wait += interval / 8 {
		synctest.Test(t, func(t *testing.T) {
			u, o, backend := newUpstream(), newObserved(), sharedmemory.New()
			u.ahead = ahead
			u.put(key, time.Now().Add(ahead-time.Hour), "old")
			start(t, u, setup{name: "leader", store: handle(t, backend)})
			pass(2 * interval)
			follower := start(t, u, setup{name: "follower", observer: o, store: handle(t, backend)})
			pass(wait)
			changed := time.Now()
			u.put(key, changed.Add(ahead), "new")
			pass(2 * interval)
			follower.serves(t, "new")
			got, want := o.last(), follower.Status().Environments[0].Served.Sub(changed)
			if got.Propagation >= 0 {
				measured++
			}
			if got.Via == app.ViaStore && got.Propagation >= 0 && (got.Propagation-want).Abs() > time.Second {
				t.Errorf("a change %v after the start: %+v, want a propagation of %v, or none", wait, got, want)
			}
		})
	}
	if measured == 0 {
		t.Error("no change was measured")
	}
}

// TestRecentKeepsTheLastEvents tries numbers that are too old, current and in the future.
func TestRecentKeepsTheLastEvents(t *testing.T) {
	r := app.NewRecent(time.Now)
	_, more := r.Since(0)
	for range 1234 {
		r.Add("kind", "env", "message")
	}
	select {
	case <-more:
	default:
		t.Error("nobody was notified of the first event")
	}
	for _, c := range []struct{ since, first, n uint64 }{{0, 235, 1000}, {234, 235, 1000}, {1000, 1001, 234}, {1233, 1234, 1}, {1234, 0, 0}, {9999, 0, 0}} {
		events, _ := r.Since(c.since)
		if uint64(len(events)) != c.n || c.n > 0 && (events[0].Seq != c.first || events[len(events)-1].Seq != 1234) {
			t.Errorf("since %d: %d events, want %d from %d", c.since, len(events), c.n, c.first)
		}
	}
}

package app_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// taker takes reports, and lists the one environment that it takes them of.
type taker struct {
	input *input
	mu    sync.Mutex
	usage []domain.UsageRow
	takes time.Duration
}

func (r *taker) Discover(context.Context) ([]domain.EnvironmentKeys, error) {
	list := environments(key)
	list[0].Discovered = true
	return list, nil
}

func (r *taker) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	r.input.note("usage")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.usage = append(r.usage, b.Rows...)
	return nil
}

func (r *taker) ReportCounts(context.Context, domain.EnvironmentKey, []domain.FeatureCount) error {
	r.input.note("analytics")
	return nil
}

func (r *taker) ReportEvaluations(context.Context, domain.EnvironmentKey, []domain.FeatureEvaluation) error {
	return nil
}

// reporting runs an App that reports to r until the test ends it.
func reporting(t *testing.T, r *taker, store ports.Store) (proxy *app.App, log journal, end func() error) {
	t.Helper()
	u := newUpstream()
	u.put(key, time.Now(), "a")
	log = newJournal()
	proxy = app.New(app.Config{
		Freshness: domain.Freshness{PollInterval: interval}, PollConcurrency: 1, Lease: 2 * interval, Node: "node",
		DrainDelay: 3 * time.Second, ShutdownTimeout: 9 * time.Second, UsageInterval: time.Hour, AnalyticsInterval: time.Hour,
	}, app.Deps{
		Upstream: u.at("node"), Discoverer: r, Store: store, Presenter: presenter{},
		Logger: slog.New(log), Now: time.Now, Random: seeded(1), Usage: r, NewUUID: func() string { return "a key" }, Analytics: r,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx, r.input) }()
	pass(time.Minute)
	return proxy, log, func() error { stop(); return <-ended }
}

func TestTheLastReportsFollowTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &taker{input: newInput(), takes: time.Second}
		r.input.hold = 2 * time.Second
		store := &stuck{Store: handle(t, sharedmemory.New())}
		proxy, _, end := reporting(t, r, store)
		proxy.Requests().Count(key, domain.ServedFlags, 0)
		go func() { // a request that is finished while the listener closes
			<-time.After(4 * time.Second)
			proxy.Requests().Count(key, domain.ServedIdentities, 0)
			proxy.Analytics().AddCounts(key, []domain.FeatureCount{{Feature: "a", Count: 1}})
		}()
		if err := end(); err != nil {
			t.Error(err)
		}
		want := []domain.UsageRow{{Environment: key, Resource: domain.ResourceFlags, Count: 1}, {Environment: key, Resource: domain.ResourceIdentities, Count: 1}}
		if !slices.Equal(r.usage, want) {
			t.Errorf("reported %v", r.usage)
		}
		if steps := r.input.called(); !slices.Equal(steps, []string{"listen", "drain", "shutdown", "analytics", "usage"}) || !store.closed() {
			t.Errorf("steps %v, store closed %t", steps, store.closed())
		}
	})
}

func TestReportsDoNotKeepTheProxyFromStopping(t *testing.T) {
	for name, hold := range map[string]time.Duration{"nothing else to wait for": 0, "requests that take all the time": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &taker{input: newInput(), takes: time.Hour}
				r.input.hold = hold
				b := sharedmemory.New()
				proxy, log, end := reporting(t, r, handle(t, b))
				proxy.Requests().Count(key, domain.ServedFlags, 0)
				told := time.Now()
				err := end()
				if hold == 0 && err != nil {
					t.Error(err)
				}
				if took := time.Since(told); took > (3+9+3)*time.Second {
					t.Errorf("took %v", took)
				}
				if len(log.named("usage_not_reported")) != 1 {
					t.Error("nothing was said of what is left")
				}
				value, _, err := handle(t, b).GetState(t.Context(), "usage/spool/0")
				const left = `{"node":"node","batches":[{"key":"a key","rows":[{"client_side_key":"client-1","resource":"flags","count":1}]}]}`
				if err != nil || string(value) != left {
					t.Errorf("the spool has %s, %v", value, err)
				}
			})
		})
	}
}

package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// eventTaker accepts events as upstream does.
type eventTaker struct {
	mu   sync.Mutex
	fail error
	came []ports.EventBatch
}

func (e *eventTaker) SendEvents(_ context.Context, b ports.EventBatch) (ports.EventReceipt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail == nil {
		e.came = append(e.came, b)
	}
	return ports.EventReceipt{}, e.fail
}

// forwarding runs an App that sends events to e, and returns what ends it in good order.
func forwarding(t *testing.T, e *eventTaker, store ports.Store, volatile bool) (proxy *app.App, end func()) {
	t.Helper()
	u := newUpstream()
	u.put(key, time.Now(), "a")
	proxy = app.New(app.Config{
		Environments: environments(key), Freshness: domain.Freshness{PollInterval: interval}, PollConcurrency: 1, Lease: 2 * interval, Node: fmt.Sprintf("%p", store),
		ShutdownTimeout: 9 * time.Second, AnalyticsInterval: time.Hour, EventsInterval: 10 * time.Second, EventsMaxBytes: 1 << 20,
	}, app.Deps{
		Upstream: u.at("node"), Store: store, Presenter: presenter{}, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Random: seeded(1),
		Events: e, Volatile: volatile,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx, newInput()) }()
	pass(time.Second)
	return proxy, func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestEventsOfServerSideKeys sees that events which were stored with a digest are sent
// with the key that it stands for, which the key ring of the next process has.
func TestEventsOfServerSideKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, shared := &eventTaker{fail: &ports.ReportError{Status: 503}}, sharedmemory.New()
		credential := environments(key)[0].Server[0]
		proxy, end := forwarding(t, e, handle(t, shared), false)
		if !proxy.Events().Accept(domain.EventSource{Environment: key, ServerKey: credential.Digest}, []string{"{}"}) {
			t.Fatal("not accepted")
		}
		end()
		e.fail = nil
		_, end = forwarding(t, e, handle(t, shared), false)
		pass(time.Minute)
		end()
		if len(e.came) != 1 || e.came[0].ServerKey != credential.Key || e.came[0].Environment != key {
			t.Errorf("sent %v", e.came)
		}
	})
}

func TestEventsAreNotKeptInAVolatileStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, shared := &eventTaker{fail: &ports.ReportError{Status: 503}}, sharedmemory.New()
		proxy, end := forwarding(t, e, handle(t, shared), true)
		proxy.Events().Accept(domain.EventSource{Environment: key}, []string{"{}"})
		pass(time.Minute)
		if _, _, err := handle(t, shared).GetState(t.Context(), "events/slots"); err == nil {
			t.Error("there are slots in the store")
		}
		e.mu.Lock()
		e.fail = nil
		e.mu.Unlock()
		end()
		if len(e.came) != 1 {
			t.Errorf("sent %v", e.came)
		}
	})
}

func TestEventsSwitchedOff(t *testing.T) {
	if app.New(app.Config{}, app.Deps{Now: time.Now}).Events() != nil {
		t.Error("events are accepted though nothing sends them")
	}
}

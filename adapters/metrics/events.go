package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Events measures what happens in an App, apart from requests. It implements
// app.Observer.
type Events struct {
	fetches, store, propagation *prometheus.HistogramVec
	compile                     prometheus.Observer
	late                        prometheus.Counter
	leases, announced, actions  *prometheus.CounterVec

	mu sync.Mutex
	// ofEnvironments are counts of environments that have series. The collector of the
	// status removes those of others.
	ofEnvironments map[domain.EnvironmentKey]*environmentEvents
}

// environmentEvents are the counts of one environment.
type environmentEvents struct {
	changes map[app.Via]int64
	refused map[app.Refusal]int64
}

var _ app.Observer = (*Events)(nil)

func newEvents(m *Metrics) *Events {
	e := &Events{
		fetches: m.histogram(upstreamDuration), store: m.histogram(storeDuration), propagation: m.histogram(documentPropagation),
		compile: m.histogram(documentCompile).WithLabelValues(), late: m.counter(pollLate).WithLabelValues(),
		leases: m.counter(leaseChanges), announced: m.counter(announcements), actions: m.counter(adminActions),
		ofEnvironments: map[domain.EnvironmentKey]*environmentEvents{},
	}
	// What has not happened yet is 0, so that the first time is an increase.
	for _, via := range app.Vias() {
		e.propagation.WithLabelValues(string(via))
	}
	for _, change := range app.LeaseChanges() {
		e.leases.WithLabelValues(string(change))
	}
	for _, direction := range announcements.values("direction") {
		e.announced.WithLabelValues(direction)
	}
	return e
}

// Fetched implements app.Observer.
func (e *Events) Fetched(o app.Operation, outcome ports.Outcome, took time.Duration) {
	e.fetches.WithLabelValues(string(o), string(outcome)).Observe(took.Seconds())
}

// Changed implements app.Observer.
func (e *Events) Changed(c app.Change) {
	e.compile.Observe(c.Compile.Seconds())
	if !c.First && c.Propagation >= 0 {
		e.propagation.WithLabelValues(string(c.Via)).Observe(c.Propagation.Seconds())
	}
	if c.Via != app.ViaStore {
		e.announced.WithLabelValues("sent").Inc()
	}
	e.count(c.Environment, func(n *environmentEvents) { n.changes[c.Via]++ })
}

// Refused implements app.Observer.
func (e *Events) Refused(key domain.EnvironmentKey, why app.Refusal) {
	e.count(key, func(n *environmentEvents) { n.refused[why]++ })
}

// PollLate implements app.Observer.
func (e *Events) PollLate() { e.late.Inc() }

// StoreCalled implements app.Observer.
func (e *Events) StoreCalled(o app.StoreOperation, err error, took time.Duration) {
	e.store.WithLabelValues(string(o), storeOutcome(err)).Observe(took.Seconds())
}

// The outcomes of calls of the store.
const (
	storeOK          = "ok" // what was asked for need not exist
	storeConflict    = "conflict"
	storeUnavailable = "unavailable"
	storeTimeout     = "timeout"
	storeDamaged     = "damaged"
)

// storeOutcome returns the outcome of a call of the store that returned err.
func storeOutcome(err error) string {
	switch {
	case err == nil, errors.Is(err, ports.ErrNotFound):
		return storeOK
	case errors.Is(err, ports.ErrConflict):
		return storeConflict
	case errors.Is(err, ports.ErrCorrupt):
		return storeDamaged
	case errors.Is(err, context.DeadlineExceeded):
		return storeTimeout
	default:
		return storeUnavailable
	}
}

// LeaseChanged implements app.Observer.
func (e *Events) LeaseChanged(_ domain.EnvironmentKey, c app.LeaseChange) {
	e.leases.WithLabelValues(string(c)).Inc()
}

// Announced implements app.Observer.
func (e *Events) Announced(domain.EnvironmentKey) { e.announced.WithLabelValues("received").Inc() }

// Acted is called after an operator's action with its name and result, which become labels.
func (e *Events) Acted(action, result string) { e.actions.WithLabelValues(action, result).Inc() }

// CutOff implements app.Observer. The status has the number of evaluations.
func (e *Events) CutOff(domain.EnvironmentKey) {}

// count changes the counts of an environment.
func (e *Events) count(key domain.EnvironmentKey, change func(*environmentEvents)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.ofEnvironments[key]
	if n == nil {
		n = &environmentEvents{changes: map[app.Via]int64{}, refused: map[app.Refusal]int64{}}
		e.ofEnvironments[key] = n
	}
	change(n)
}

// collect calls emitters for the counts of environments, and forgets those of
// environments that exists reports false for.
func (e *Events) collect(exists func(domain.EnvironmentKey) (shown, known bool), changes, refused Emit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, n := range e.ofEnvironments {
		shown, known := exists(key)
		if !known {
			delete(e.ofEnvironments, key)
		}
		if !shown {
			continue
		}
		for via, count := range n.changes {
			changes(float64(count), string(key), string(via))
		}
		for why, count := range n.refused {
			refused(float64(count), string(key), string(why))
		}
	}
}

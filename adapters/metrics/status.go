package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// AddStatus adds what a status says: readiness, environments, upstream, store and reports.
// status is called once for each scrape. AddStatus is called once.
func (m *Metrics) AddStatus(status func() app.Status) {
	c := &statusCollector{status: status, events: m.events, most: max(0, m.o.MaxEnvironments), series: map[string]series{}}
	for _, d := range []Definition{
		ready, readinessState, draining, stalenessLimit, environments, environmentsWithoutSeries, environmentInfo, environmentState,
		documentConfirmed, documentUpdated, documentServed, documentChanges, documentRefused, documentBytes, documentFeatures,
		documentSegments, documentIdentityOverrides, documentProblems, documentPinned, overrides, conditionLimit, requestsServed, fetchFailures, upstreamStreamUp, upstreamStreamEvents, upstreamStreamReconnects,
		leaseHeld, streamListeners, storeUp, discoverySuccess, discoveredEnvironments, reportPending, reportSent, reportDropped, reportSuccess,
	} {
		c.series[d.Name] = newSeries(d)
	}
	m.registry.MustRegister(c)
}

// statusCollector is the collector of a status.
type statusCollector struct {
	status func() app.Status
	events *Events
	most   int // environments with series
	series map[string]series
}

// Describe implements prometheus.Collector.
func (c *statusCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, s := range c.series {
		descs <- s.desc
	}
}

// Collect implements prometheus.Collector.
func (c *statusCollector) Collect(metrics chan<- prometheus.Metric) {
	s := c.status()
	out := emitters{c, metrics}
	out.node(s)
	byState := map[app.EnvironmentState]int{}
	known, shown := map[domain.EnvironmentKey]bool{}, map[domain.EnvironmentKey]bool{}
	for i, e := range s.Environments {
		byState[e.State]++
		known[e.Key] = true
		if i < c.most {
			shown[e.Key] = true
			out.environment(e)
		}
	}
	for _, state := range app.EnvironmentStates() {
		out.of(environments)(float64(byState[state]), string(state))
	}
	out.of(environmentsWithoutSeries)(float64(len(s.Environments) - len(shown)))
	c.events.collect(func(key domain.EnvironmentKey) (bool, bool) { return shown[key], known[key] }, out.of(documentChanges), out.of(documentRefused))
}

// emitters sends the series of a status to a channel.
type emitters struct {
	*statusCollector
	metrics chan<- prometheus.Metric
}

// of returns the Emit of a definition.
func (o emitters) of(d Definition) Emit { return o.series[d.Name].to(o.metrics) }

// time emits a time, unless it is zero.
func (o emitters) time(d Definition, at time.Time, labels ...string) {
	if !at.IsZero() {
		o.of(d)(float64(at.UnixMicro())/1e6, labels...)
	}
}

// states emits 1 for one of the states and 0 for the others. labels come before the state.
func emitStates[S ~string](emit Emit, is S, all []S, labels ...string) {
	for _, state := range all {
		emit(truth(state == is), append(labels[:len(labels):len(labels)], string(state))...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// node emits what is about the node as a whole.
func (o emitters) node(s app.Status) {
	o.of(ready)(truth(s.Readiness.State == app.Ready))
	emitStates(o.of(readinessState), s.Readiness.State, app.ReadinessStates())
	o.of(draining)(truth(s.Readiness.State == app.NodeDraining))
	if s.Limit > 0 {
		o.of(stalenessLimit)(s.Limit.Seconds())
	}
	o.of(storeUp)(truth(s.Store.Up))
	if counts := s.Upstream.Streams; counts != nil {
		o.of(upstreamStreamEvents)(float64(counts.Events))
		o.of(upstreamStreamReconnects)(float64(counts.Reconnects))
	}
	if d := s.Discovery; d != nil {
		o.time(discoverySuccess, d.LastSuccess)
		o.of(discoveredEnvironments)(float64(d.Environments))
	}
	for _, r := range s.Reports {
		kind := string(r.Kind)
		o.of(reportPending)(float64(r.Pending), kind)
		o.of(reportSent)(float64(r.Sent), kind)
		for why, n := range r.Dropped {
			o.of(reportDropped)(float64(n), kind, string(why))
		}
		o.time(reportSuccess, r.LastSuccess, kind)
	}
}

// environment emits what is about one environment.
func (o emitters) environment(e app.EnvironmentStatus) {
	key := string(e.Key)
	o.of(environmentInfo)(1, key, text(e.Facts.Name), text(e.Facts.Project), string(e.Origin))
	emitStates(o.of(environmentState), e.State, app.EnvironmentStates(), key)
	o.time(documentConfirmed, e.Confirmed, key)
	o.time(documentUpdated, e.Updated, key)
	if e.Bytes > 0 {
		o.time(documentServed, e.Served, key)
		o.of(documentBytes)(float64(e.Bytes), key)
		o.of(documentFeatures)(float64(e.Facts.Features), key)
		o.of(documentSegments)(float64(e.Facts.Segments), key)
		o.of(documentIdentityOverrides)(float64(e.Facts.IdentityOverrides), key)
		o.of(documentProblems)(float64(e.Facts.Problems), key)
		o.of(documentPinned)(truth(e.Measures.Pin != nil), key)
		o.of(overrides)(float64(len(e.Measures.Overrides)), key)
	}
	for by, n := range e.CutOffs {
		o.of(conditionLimit)(float64(n), key, string(by))
	}
	for _, r := range []struct {
		resource string
		count    int64
	}{
		{"flags", e.Requests[domain.ServedFlags]},
		{"identities", e.Requests[domain.ServedIdentities]},
		{"document", e.Requests[domain.ServedEnvironmentDocument]},
		{"ofrep", e.Requests[domain.ServedOFREPFlags] + e.Requests[domain.ServedOFREPIdentities]},
	} {
		o.of(requestsServed)(float64(r.count), key, r.resource)
	}
	o.of(fetchFailures)(float64(e.Failures), key)
	if e.StreamUp != nil {
		o.of(upstreamStreamUp)(truth(*e.StreamUp), key)
	}
	o.of(leaseHeld)(truth(e.Lease == app.LeaseThisNode), key)
	o.of(streamListeners)(float64(e.Listeners), key)
}

// text returns a name as the value of a label, which must be UTF-8.
func text(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

package app

import (
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Status is what a node is doing at one moment: the one value that readiness, the
// metrics, the status page and its JSON report. It is made when asked for and does not
// change; the receiver owns it, but for what is marked read-only.
type Status struct {
	At, Started time.Time
	Node        string
	Readiness   ReadinessStatus
	// Limit is how long ago the oldest confirmation may have been; 0: documents never go
	// stale.
	Limit        time.Duration
	PollInterval time.Duration
	Upstream     UpstreamStatus
	Store        StoreStatus
	Environments []EnvironmentStatus // in the order of the key ring
	Discovery    *DiscoveryStatus    // nil without discovery
	Reports      []ReportStatus      // the kinds that are on
	Fleet        FleetStatus
}

// ReadinessState is whether a node is ready, or the first reason why it is not.
type ReadinessState string

// The states.
const (
	Ready           ReadinessState = "ready"
	DocumentMissing ReadinessState = "missing"
	DocumentStale   ReadinessState = "stale"
	NodeDraining    ReadinessState = "draining"
)

// ReadinessStates returns all states.
func ReadinessStates() []ReadinessState {
	return []ReadinessState{Ready, DocumentMissing, DocumentStale, NodeDraining}
}

// ReadinessStatus is what readiness probes are answered from.
type ReadinessStatus struct {
	State ReadinessState
	// LastUpdate is the oldest of the environments' last confirmations, zero when some
	// environment that counts has none.
	LastUpdate time.Time
	// Reasons are all reasons why the node is not ready; none when it is.
	Reasons []Reason
}

// Reason is why a node is not ready.
type Reason struct {
	Code ReadinessState
	// Environment is the one that is missing or stale; "" when the reason is the node, or
	// the list of environments.
	Environment domain.EnvironmentKey
	// For is how long it has been so, or by how much a confirmation is too old; 0 where
	// that is not known.
	For time.Duration
}

// EnvironmentState says whether an environment's document is fit to be served.
type EnvironmentState string

// The states. An environment that was added to fresh ones may be missing for a while
// without making the node unready.
const (
	EnvironmentFresh   EnvironmentState = "fresh"
	EnvironmentStale   EnvironmentState = "stale"
	EnvironmentMissing EnvironmentState = "missing"
)

// EnvironmentStates returns all states.
func EnvironmentStates() []EnvironmentState {
	return []EnvironmentState{EnvironmentFresh, EnvironmentStale, EnvironmentMissing}
}

// Origin says how an environment became known.
type Origin string

// The origins.
const (
	OriginConfigured Origin = "configured"
	OriginDiscovered Origin = "discovered"
	OriginFile       Origin = "file" // configured, and documents come from a directory
)

// EnvironmentStatus is the status of one environment.
type EnvironmentStatus struct {
	Key    domain.EnvironmentKey
	Origin Origin
	State  EnvironmentState
	// Confirmed is when upstream last confirmed the document, Updated the document's
	// updated_at, and Served when this node took it. Zero: never or unknown.
	Confirmed, Updated, Served time.Time
	Via                        Via // how the served document came; "" without one
	Digest                     [32]byte
	Bytes                      int
	Facts                      Facts
	// Stopped says that the organisation is disabled, so that flags are answered with 403.
	Stopped     bool
	Lease       Lease
	Failures    int    // of polls in a row
	LastFailure *Poll  // among Polls; nil without one
	Polls       []Poll // of this node, oldest first; a node that follows the store has none
	LastChange  *ChangeSummary
	Measures    Measures  // what operators have changed; it is read-only
	HeldBack    *HeldBack // nil: this node holds no document back
	Listeners   int       // streams of events that are open
	StreamUp    *bool     // whether upstream's event stream is connected; nil without one
	// Requests is how often each service of the environment was served, since the start.
	Requests reporting.Served
	// CutOffs is how many evaluations of the document ran out of their budget of steps, by
	// what used it up; nil: none.
	CutOffs map[Cost]uint64
}

// Cost is what costs evaluations steps of their budget.
type Cost string

// Costs returns all of them.
func Costs() []Cost {
	costs := make([]Cost, engine.NumCosts)
	for c := range costs {
		costs[c] = Cost(engine.Cost(c).String())
	}
	return costs
}

// cutOffsOf returns how many evaluations of a program ran out of their budget.
func cutOffsOf(p *engine.Program) (counts map[Cost]uint64) {
	for c, n := range p.CutOffs() {
		if n > 0 {
			if counts == nil {
				counts = map[Cost]uint64{}
			}
			counts[Cost(engine.Cost(c).String())] = n
		}
	}
	return counts
}

// UpstreamState says whether upstream answers this node.
type UpstreamState string

// The states.
const (
	UpstreamUnknown UpstreamState = "unknown" // it was not asked yet
	UpstreamOK      UpstreamState = "ok"
	UpstreamFailing UpstreamState = "failing" // the last request that is about upstream as a whole failed
)

// UpstreamStatus is the status of upstream, as this node sees it.
type UpstreamStatus struct {
	State       UpstreamState
	Since       time.Time // of the state; zero when it is unknown
	Failures    int       // in a row, of all environments
	LastFailure *Poll     // the last one, while it is failing
	LastSuccess time.Time // zero: never
	// ClockAhead is by how much upstream's clock is ahead of this node's.
	ClockAhead time.Duration
	// Streams is what came by upstream's streams of events; nil without any.
	Streams *ports.StreamCounts
	Polls   []Poll // the last ones of all environments, oldest first
}

// StoreStatus is the status of the document store.
type StoreStatus struct {
	Up    bool
	Since time.Time // of the state; zero when the store was never away
	Error string    // why it is away; "" otherwise
}

// DiscoveryStatus is the status of discovery by proxy key.
type DiscoveryStatus struct {
	LastSuccess  time.Time // zero: never
	Environments int
}

// FleetStatus is the nodes that share a store, as this node knows them.
type FleetStatus struct {
	// Shared says that other nodes can share the store. If not, this node is alone.
	Shared bool
	// ReadAt is when this node last read of the others in the store; zero: never.
	ReadAt time.Time
	// Nodes has this node first, and the others by name.
	Nodes []NodeStatus
}

// NodeStatus is what is known of a node of a fleet.
type NodeStatus struct {
	Name string
	// Version is that of the node's program and ConfigHash that of its settings; "": not
	// known.
	Version, ConfigHash string
	Ready               bool
	Seen                time.Time // when the node last wrote this into the store, by this node's clock
}

// ReportKind is a kind of reports to upstream.
type ReportKind string

// The kinds.
const (
	UsageReports     ReportKind = "usage"
	AnalyticsReports ReportKind = "analytics"
	EventReports     ReportKind = "events" // of experiments
)

// ReportKinds returns all kinds.
func ReportKinds() []ReportKind { return []ReportKind{UsageReports, AnalyticsReports, EventReports} }

// ReportStatus is the status of one kind of reports.
type ReportStatus struct {
	Kind ReportKind
	reporting.Progress
}

// Status returns the status of this node now. It waits for nothing but short locks, none
// of which a request takes, and is safe for concurrent use.
func (a *App) Status() Status {
	now := a.deps.Now()
	s := Status{At: now, Started: a.started, Node: a.config.Load().Node, PollInterval: a.config.Load().Freshness.PollInterval, Store: a.store.status()}
	a.roster.fill(&s)
	a.reports.fill(&s)
	if a.drain.on.Load() {
		s.Readiness.State = NodeDraining
		s.Readiness.Reasons = append([]Reason{{Code: NodeDraining}}, s.Readiness.Reasons...)
	}
	s.Fleet = a.roster.fleet.presence.status()
	self := NodeStatus{Name: s.Node, Version: a.deps.Version, ConfigHash: a.deps.ConfigHash(), Ready: s.Readiness.State == Ready, Seen: now}
	s.Fleet.Nodes = append([]NodeStatus{self}, s.Fleet.Nodes...)
	return s
}

// Recent returns what has happened lately.
func (a *App) Recent() *Recent { return a.recent }

// fill sets what the roster knows: readiness, the environments and upstream.
func (r *roster) fill(s *Status) {
	assessed := r.assess()
	s.Limit = assessed.limit
	s.Readiness.LastUpdate = assessed.LastUpdate
	switch assessed.State {
	case domain.Missing:
		s.Readiness.State = DocumentMissing
	case domain.Stale:
		s.Readiness.State = DocumentStale
	default:
		s.Readiness.State = Ready
	}
	snapshot := assessed.snapshot
	listeners := r.library.announcer.counts()
	r.mu.Lock()
	keepers := make([]*keeper, 0, len(snapshot.Keys()))
	for _, keys := range snapshot.Keys() {
		keepers = append(keepers, r.keepers[keys.Client])
	}
	r.mu.Unlock()
	s.Environments = make([]EnvironmentStatus, 0, len(snapshot.Keys()))
	for i, keys := range snapshot.Keys() {
		c := assessed.confirmations[i]
		e := EnvironmentStatus{Key: keys.Client, Origin: r.originOf(keys), Confirmed: c.at, Lease: LeaseNobody, Listeners: listeners[keys.Client]}
		e.State = assessed.state(c)
		if held := snapshot.environments[i]; held != nil {
			e.Updated, e.Digest, e.Bytes, e.Facts, e.Stopped = held.UpdatedAt, held.Digest, len(held.Body), held.Facts, held.Serving.Stopped
			e.CutOffs = cutOffsOf(held.Program)
		}
		if k := keepers[i]; k != nil {
			k.progress.fill(&e)
			e.Lease = k.seat.holder()
			e.Measures = r.measures.of(keys.Client)
		}
		if connected, ok := r.deps.Notifier.(ports.Connected); ok {
			up := connected.Connected(keys.Client)
			e.StreamUp = &up
		}
		if s.Readiness.State != Ready && !c.waits && e.State != EnvironmentFresh {
			s.Readiness.Reasons = append(s.Readiness.Reasons, reasonOfState(e, assessed))
		}
		s.Environments = append(s.Environments, e)
	}
	if s.Readiness.State != Ready && len(s.Readiness.Reasons) == 0 { // without any environment
		s.Readiness.Reasons = []Reason{{Code: s.Readiness.State}}
	}
	if r.discovery != nil {
		s.Discovery = &DiscoveryStatus{LastSuccess: r.discovery.confirmed(), Environments: r.numDiscovered()}
	}
	s.Upstream = r.upstreamStatus()
}

// reasonOfState returns why an environment keeps the node from being ready.
func reasonOfState(e EnvironmentStatus, a assessment) Reason {
	if e.State == EnvironmentMissing {
		return Reason{Code: DocumentMissing, Environment: e.Key}
	}
	return Reason{Code: DocumentStale, Environment: e.Key, For: a.now.Sub(e.Confirmed) - a.limit}
}

// originOf returns how an environment became known.
func (r *roster) originOf(keys domain.EnvironmentKeys) Origin {
	switch {
	case keys.Discovered:
		return OriginDiscovered
	case r.deps.FromFiles:
		return OriginFile
	default:
		return OriginConfigured
	}
}

// numDiscovered returns how many environments the last list had.
func (r *roster) numDiscovered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.discovered)
}

// upstreamStatus returns the status of upstream.
func (r *roster) upstreamStatus() UpstreamStatus {
	h := r.polls.copy()
	s := UpstreamStatus{State: UpstreamUnknown, Since: h.since, Failures: h.failures, LastSuccess: h.success, ClockAhead: r.clock.get(), Polls: h.last}
	if connected, ok := r.deps.Notifier.(ports.Connected); ok {
		counts := connected.Counts()
		s.Streams = &counts
	}
	switch {
	case h.failures > 0:
		s.State = UpstreamFailing
		s.LastFailure = &h.failure
	case len(h.last) > 0:
		s.State = UpstreamOK
	}
	return s
}

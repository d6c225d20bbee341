package app

import (
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Via is what made a node ask for a document, or where it came from.
type Via string

// The ways in which documents come.
const (
	ViaPoll    Via = "poll"    // the schedule
	ViaStream  Via = "stream"  // an event of upstream's stream
	ViaWebhook Via = "webhook" // a call of Flagsmith's, or an operator's
	ViaStore   Via = "store"   // another node, or an earlier run, put it into the store
)

// Vias returns all ways.
func Vias() []Via { return []Via{ViaPoll, ViaStream, ViaWebhook, ViaStore} }

// Operation is what upstream is asked for.
type Operation string

// The operations of upstream that an App calls.
const (
	FetchDocument   Operation = "document"
	Discover        Operation = "discovery"
	ReportUsage     Operation = "usage"
	ReportAnalytics Operation = "analytics"
)

// Operations returns all operations.
func Operations() []Operation {
	return []Operation{FetchDocument, Discover, ReportUsage, ReportAnalytics}
}

// Refusal is why a document that arrived is not served.
type Refusal string

// The reasons.
const (
	RefusedInvalid Refusal = "invalid" // it cannot be used
	RefusedOlder   Refusal = "older"   // the served document is newer
	// RefusedTooLarge: it is larger than the limit, so that it was not read.
	RefusedTooLarge Refusal = "too_large"
	// RefusedSuspicious: it takes away too much. Whether it is served all the same is for
	// DocumentGuard to say; it counts once on each node that is offered it.
	RefusedSuspicious Refusal = "suspicious"
)

// Refusals returns all reasons.
func Refusals() []Refusal {
	return []Refusal{RefusedInvalid, RefusedOlder, RefusedTooLarge, RefusedSuspicious}
}

// LeaseChange is what happened to this node's lease of an environment.
type LeaseChange string

// The changes.
const (
	LeaseWon   LeaseChange = "won"   // this node polls from now on
	LeaseLost  LeaseChange = "lost"  // another node has it, or nobody knows
	LeaseGiven LeaseChange = "given" // this node gave it back
)

// LeaseChanges returns all changes.
func LeaseChanges() []LeaseChange { return []LeaseChange{LeaseWon, LeaseLost, LeaseGiven} }

// StoreOperation is a kind of call of a store.
type StoreOperation string

// The kinds. Stat counts as StoreGet, Touch and Delete as StorePut, and the records of
// reports as StoreSpool.
const (
	StoreGet    StoreOperation = "get"
	StorePut    StoreOperation = "put"
	StoreLease  StoreOperation = "lease"
	StoreList   StoreOperation = "list"
	StoreFollow StoreOperation = "follow"
	StoreSpool  StoreOperation = "spool"
)

// StoreOperations returns all kinds.
func StoreOperations() []StoreOperation {
	return []StoreOperation{StoreGet, StorePut, StoreLease, StoreList, StoreFollow, StoreSpool}
}

// Change is a document that is served from now on.
type Change struct {
	Environment domain.EnvironmentKey
	Via         Via
	// First says that this process had no document of the environment before.
	First bool
	// Propagation is the time from the document's updated_at until it was served, by
	// upstream's clock; negative where it is not known, as for a first document, or for one of
	// another node before that node's knowledge of upstream's clock has arrived.
	Propagation time.Duration
	// Compile is how long it took to prepare the document.
	Compile time.Duration
}

// Observer is notified of what has happened in an App, to count and to measure. Its
// methods are called from any goroutine. They must return soon and must not call the
// App.
type Observer interface {
	// Fetched is called after each request to upstream, with how long it took.
	Fetched(o Operation, outcome ports.Outcome, took time.Duration)
	Changed(c Change)
	Refused(key domain.EnvironmentKey, why Refusal)
	// PollLate is called when a poll could not start in time, because as many as may run
	// at one time were under way.
	PollLate()
	// StoreCalled is called after each call of the store that was made. err is what the
	// call returned.
	StoreCalled(o StoreOperation, err error, took time.Duration)
	LeaseChanged(key domain.EnvironmentKey, c LeaseChange)
	// Announced is called when the store notified this node of a change.
	Announced(key domain.EnvironmentKey)
	// CutOff is called once for each document of which an evaluation ran out of its
	// budget of steps.
	CutOff(key domain.EnvironmentKey)
}

// nobody is an Observer that does nothing.
type nobody struct{}

func (nobody) Fetched(Operation, ports.Outcome, time.Duration)  {}
func (nobody) Changed(Change)                                   {}
func (nobody) Refused(domain.EnvironmentKey, Refusal)           {}
func (nobody) PollLate()                                        {}
func (nobody) StoreCalled(StoreOperation, error, time.Duration) {}
func (nobody) LeaseChanged(domain.EnvironmentKey, LeaseChange)  {}
func (nobody) Announced(domain.EnvironmentKey)                  {}
func (nobody) CutOff(domain.EnvironmentKey)                     {}

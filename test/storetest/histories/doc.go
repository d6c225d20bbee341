// Package histories records what concurrent callers of a document store did and saw, and
// checks that all of it could have happened one call after the other, each call between
// its start and its return. That is what is called linearizable: a store that is says
// nothing that a single caller with a single copy of the data could not have seen.
//
//	h := histories.Load{Stores: handles, Callers: 8, Calls: 100, …}.Run(ctx)
//	for _, problem := range h.Check(time.Minute) {
//		t.Error(problem)
//	}
//
// Each record, state and lease is checked on its own, against a sequential model of it
// (register.go, leased.go). The search is that of the porcupine module.
//
// A call that returns an error other than those which say what happened, such as
// ports.ErrUnavailable, may have happened: at any time from its start on, also long
// after its return, or never.
//
// A failover of a replicated backend may undo what was acknowledged. [History.Failover]
// records that there was one: each object may then be as it was at any time before, and
// is a single copy again from there on.
package histories

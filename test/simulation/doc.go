// Package simulation tests whole fleets in simulated worlds. A seed decides everything: how
// many nodes and environments there are, what fails and when, what operators and clients do.
// The nodes are the real application, with the engine and the HTTP interface. Upstream, the
// store's network, clocks and processes are simulated, in one bubble of testing/synctest, so
// that minutes of failures take some milliseconds.
//
// After each step of a history the tests check what must hold whatever happens, and after
// the last fault that the fleet recovers; docs/simulation.md lists the invariants. A history
// that breaks an invariant is made shorter as long as it still does, and printed with its
// seed.
//
// What happens does not depend on the order in which goroutines run: each call of a
// simulated adapter takes a time of its own, derived from the seed, the caller and the
// moment, so that no two calls have an effect at the same moment.
package simulation

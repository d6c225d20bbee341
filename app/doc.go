// Package app holds the proxy's use cases and its life cycle: keeping every
// environment's document fresh from upstream and the store, answering what is
// served and whether it is fit to be, and starting and stopping in order.
//
// The request path is Snapshot and nothing else: one atomic load leads to
// immutable, prepared environments. Everything that waits (upstream, stores,
// compiling) happens in one keeper per environment, see keeper.go.
package app

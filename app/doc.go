// Package app holds the proxy's use cases and its life cycle. It keeps every
// environment's document fresh from upstream and the store, provides what requests are
// answered from, knows whether the proxy is ready, and starts and stops in order.
//
// The request path uses Snapshot and nothing else: one atomic load leads to immutable,
// prepared environments. Everything that waits (upstream, stores, compiling) happens in
// one keeper per environment, see keeper.go.
package app

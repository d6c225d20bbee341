package app

import "github.com/edge-proxy/edge-proxy/domain"

// Query is what input adapters ask. All methods are safe for concurrent use and
// never wait: neither a store nor upstream is behind them.
type Query interface {
	// Snapshot returns what is served now, by one atomic load. Never nil.
	Snapshot() *Snapshot
	// Readiness reports whether the proxy should get traffic: documents fresh and
	// not shutting down (docs/spec/behaviour.md#readiness).
	Readiness() Readiness
}

// Readiness is the answer to a readiness probe.
type Readiness struct {
	domain.Report
	// Draining: the proxy is shutting down and is not ready, however fresh its
	// documents are.
	Draining bool
}

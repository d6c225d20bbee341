package app

import "github.com/edge-proxy/edge-proxy/domain"

// Query is what input adapters read. All methods are safe for concurrent use and never
// wait: they do not use the store or upstream.
type Query interface {
	// Snapshot returns what is served now, by one atomic load. Never nil.
	Snapshot() *Snapshot
	// Readiness reports whether the proxy should get traffic: documents fresh and
	// not shutting down (docs/spec/behaviour.md#readiness).
	Readiness() Readiness
}

// Readiness is what a readiness probe is answered from.
type Readiness struct {
	domain.Report
	// Draining: the proxy is shutting down and is not ready, however fresh its
	// documents are.
	Draining bool
}

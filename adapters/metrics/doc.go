// Package metrics exposes what the proxy does to Prometheus, in the text forms and in
// protobuf. The catalogue (Definitions) is the one place with names, types and labels;
// docs/metrics.md is written from it.
//
// Numbers come in two ways. Gauges and most counters are read when a scrape asks for
// them (Reading), from the counters that the parts of the proxy keep and from the status
// that readiness and the status page report too, so that they cannot disagree. Durations
// are observed as they happen, by Requests and Events.
//
// Nothing that a client sends becomes a label, and the environments that have series are
// bounded, so that the number of series is.
package metrics

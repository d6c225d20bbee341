// Package httpapi is the HTTP interface of the proxy: the Flagsmith SDK API, the
// environment document and the health probes (docs/spec/behaviour.md), and the
// OpenFeature Remote Evaluation Protocol (ofrep.go), on bunrouter.
//
// # The hot path
//
// API is an http.Handler; adapters/httpserver serves it on a port. A request passes
// API.ServeHTTP (api.go), which adds the CORS headers and routes it. A handler (flags.go,
// identities.go, document.go, health.go) looks its key up in the snapshot and writes an
// answer. Presenter (presentation.go) prepared the parts of the answer when the document
// changed: flags and documents are written as prepared, plain or gzipped; the flags of an
// identity are joined from one fragment per outcome. A request never calls a store or
// upstream. It takes no lock, unless the endpoint cache of identities is switched on.
//
// Answers have entity tags and dates that depend on their content (etag.go,
// conditional.go). A client that has the answer gets a 304 before anything is evaluated.
//
// Handlers return errors. API.fail (errors.go) makes answers of them, and of panics. To
// add an endpoint, add a file with its handler and a line to API.routes (routes.go).
package httpapi

// Package httpapi is the proxy's HTTP input adapter: the Flagsmith SDK API, the
// environment document and the health probes (docs/spec/behaviour.md#http-interface), and
// the OpenFeature Remote Evaluation Protocol (ofrep.go), on bunrouter.
//
// # The hot path
//
// API is an http.Handler; adapters/httpserver serves it on a port. A request passes
// API.ServeHTTP (api.go), which adds the CORS headers and routes; a
// handler (flags.go, identities.go, document.go, health.go), which looks the key
// up in the snapshot; and ends in an answer. What an answer consists of was
// prepared when the document changed, by Presenter (presentation.go): flags and
// documents are written as they lie there, plain or gzipped, an identity's flags
// are put together from one fragment per outcome. Neither a lock nor a store nor
// upstream is on the way, but for the endpoint cache of identities where it was
// switched on.
//
// Answers have entity tags and dates that are made from content (etag.go,
// conditional.go); who has an answer already gets 304 before one is put together.
//
// Handlers return errors. They become answers in one place, API.fail
// (errors.go), and so do panics. A further endpoint is one more file with its
// handler and a line in API.routes (routes.go).
package httpapi

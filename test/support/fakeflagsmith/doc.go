// Package fakeflagsmith is a Flagsmith API to test against: it serves
// environment documents, discovery by proxy key, usage, analytics, events and real-time
// streams as the real one does, and fails on demand in the ways that a real
// network and a real API fail.
//
// [New] returns a [Server], which is an http.Handler with Go methods. It is driven with
// these, or over HTTP under /_control/, most simply through a [Client], whose methods are
// those of Server.
//
// # Addresses served
//
//	GET  /api/v1/environment-document/      X-Environment-Key: a server-side key
//	GET  /api/v1/proxy/config/              X-Proxy-Key
//	POST /api/v1/proxy/usage/               X-Proxy-Key
//	POST /api/v1/analytics/flags/           X-Environment-Key: a client-side key
//	POST /api/v2/analytics/flags/           X-Environment-Key: a client-side key
//	POST /v1/events, /api/v1/events         X-Environment-Key: either key
//	GET  /sse/environments/{key}/stream     a client-side key
//
// # Control
//
//	PUT    /_control/environments/{key}     body: the document, byte for byte as it is to be served;
//	                                        query: server_key (repeatable), page_size, links, delay, ahead
//	DELETE /_control/environments/{key}
//	PUT    /_control/failures?target=T      body: a list of failures, replacing T's script
//	GET    /_control/requests?target=T      what T received, oldest first (no target: everything)
//	GET    /_control/counters               counters by target
//	PUT    /_control/proxy-config           body: {"proxy_key": …, "environments": […]}
//	GET    /_control/usage                  accepted usage, each idempotency key counted once
//	POST   /_control/streams/{key}          body: the event's data; answers {"listeners": N}
//	GET    /_control/streams/{key}          {"listeners": N}
//	DELETE /_control/streams/{key}          ends the open streams of a key
//	POST   /_control/reset                  back to the state of a new server
//
// A [Target] names what a script or a counter is about: "environment/KEY",
// "environments", "proxy-config", and so on.
package fakeflagsmith

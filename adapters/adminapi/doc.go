// Package adminapi is the HTTP interface for operators: probes, metrics, the status of
// the node as a page and as JSON, what has happened lately, and actions. It is served on
// a listener of its own, the admin listener, and never on the port that applications
// use. docs/admin.md describes it for operators.
//
// Everything that it reports is computed from app.Status when it is asked for, so its
// answers cannot disagree with each other or with readiness. It waits for nothing that
// the application does, but for actions.
//
// Who may ask what:
//
//   - /metrics, /healthz and /readyz answer everybody who reaches the listener.
//   - Pages answer everybody who reaches it on a loopback address; on any other address
//     they need the token.
//   - Actions need the token everywhere.
//
// Requests from web pages of other origins, or for other hosts than the listener's own
// on a loopback address, are refused: a web page that an operator visits must not reach
// the listener through the browser.
package adminapi

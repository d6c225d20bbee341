// Package httpserver serves an HTTP handler on a TCP port, with or without TLS. It is
// net/http's server with a fast path in front of it.
//
// Nearly every request that clients send to the proxy is plain: a whole request of a
// few hundred bytes, in the usual spelling of HTTP/1.1, on a connection that is kept.
// The fast path (front.go) answers these itself. It waits for the whole request, reads
// it strictly (parser.go), calls the handler, and sends the answer with one system call
// (answer.go). It hands every other request to an [http.Server], with its connection
// and with all bytes read from it so far: other versions, chunked, long and
// interrupted bodies, expectations, upgrades, unusual spellings, and what is not HTTP
// at all. So net/http alone decides what is a request and what is not. Without the fast
// path, every connection is handed over as soon as its first byte has arrived.
//
// With TLS (handshake.go) a connection begins with the handshake. What follows is
// HTTP/1.1, as without TLS, or HTTP/2, which the http.Server serves. It also serves HTTP/2
// by prior knowledge, without TLS.
//
// Handlers are ordinary http.Handlers. [Server] lists what they can rely on.
package httpserver

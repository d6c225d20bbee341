// Package tlsfiles makes TLS configurations from certificates, keys and authorities in
// files, and replaces them while they are in use.
//
// A [Server] is for the listener, a [Client] for outgoing connections. Both read their
// files when they are opened and again with Reload, which the composition root calls when
// a file has changed. What cannot be used changes nothing: the former certificates stay.
// A Server counts its reloads and the handshakes that failed.
package tlsfiles

// Package tls tests TLS of the built binary: certificates that are replaced under load,
// client certificates, HTTP/2, and certificates for connections to Flagsmith.
package tls

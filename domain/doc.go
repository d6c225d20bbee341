// Package domain has the types and rules that the rest of the proxy builds on:
// environment documents and their parts, keys and the key ring, identities and their
// traits, and the arithmetic of freshness. It does no I/O, imports only the standard
// library and never reads the clock.
package domain

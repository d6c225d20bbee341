// Package parity sends recorded requests to a running proxy and compares its answers
// with those of the Python proxy.
//
// The recordings are in test/data. Where the proxy deliberately does better than the
// Python proxy, there is no recording. These cases are tables in this package's tests.
package parity

// Package parity replays recorded answers of the reference implementation
// against a running proxy, and compares what comes back.
//
// The recordings are in test/data. Where the specification says that the
// proxy deliberately does better than the reference, there is no recording;
// such cases stand in this package's tests as tables of their own.
package parity

// Package limits decides which requests an HTTP interface refuses: those of addresses
// that may not ask, those that come too often, and large answers beyond the number that
// is written at a time.
//
// Each limit is a type of its own that knows nothing of HTTP. Its nil pointer or zero
// value limits nothing. All types are safe for concurrent use.
package limits

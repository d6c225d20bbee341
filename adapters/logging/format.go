package logging

import (
	"log/slog"
	"time"
)

// record is one ordinary line before it is formatted.
type record struct {
	at     time.Time
	level  slog.Level
	logger string
	event  string
	pc     uintptr
	attrs  group
}

// formatter writes a line without its line end. Implementations are safe for
// concurrent use.
type formatter interface {
	appendRecord(buf []byte, r *record) []byte
	// appendAccess is on the request path: the built-in formats allocate
	// nothing. The record is passed by value to keep it off the heap.
	appendAccess(buf []byte, at time.Time, rec AccessRecord) []byte
}

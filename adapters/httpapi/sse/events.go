package sse

import (
	"strconv"
	"time"
)

// Events is the form of a stream's events.
type Events struct {
	// Updated appends the event about a new document, which was updated at that time.
	// The time is zero for a document that states none. If it appends nothing, nothing
	// is sent. Updated is called on the goroutine of the stream.
	Updated func(dst []byte, at time.Time) []byte
	// First is an event that the stream begins with, or empty.
	First []byte
}

// EnvironmentUpdated appends the event of Flagsmith's real-time server. It is a function
// for Events.
func EnvironmentUpdated(dst []byte, at time.Time) []byte {
	if at.IsZero() {
		at = time.Now()
	}
	dst = append(dst, "event: environment_updated\ndata: {\"updated_at\": "...)
	dst = strconv.AppendFloat(dst, float64(at.UnixMicro())/1e6, 'f', -1, 64)
	return append(dst, "}\n\n"...)
}

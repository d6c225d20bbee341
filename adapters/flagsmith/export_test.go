package flagsmith

import (
	"io"
	"time"
)

// ParseDiscovered is for fuzzing, which has no time for HTTP.
var ParseDiscovered = parseDiscovered

// ReadEvents lists the events of a stream, for fuzzing.
func ReadEvents(r io.Reader) (events []string, err error) {
	err = readEvents(r, func(e event) { events = append(events, e.name+"\x00"+e.data) }, func(pause time.Duration) {
		events = append(events, "retry\x00"+pause.String())
	})
	return events, err
}

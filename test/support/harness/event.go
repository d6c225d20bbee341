package harness

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Event is a line of a JSON log.
type Event map[string]any

// Named says whether the event has this name, whatever field holds names.
func (e Event) Named(name string) bool {
	for _, value := range e {
		if value == name {
			return true
		}
	}
	return false
}

// Text returns a field that is a text, else "".
func (e Event) Text(field string) string {
	text, _ := e[field].(string)
	return text
}

// parseEvents reads the lines that are JSON objects; a last line without its
// end is left for later.
func parseEvents(text string) []Event {
	var events []Event
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") || !strings.HasPrefix(line, "{") {
			continue
		}
		var event Event
		if json.Unmarshal([]byte(line), &event) == nil {
			events = append(events, event)
		}
	}
	return events
}

// Events returns the JSON log lines that the process printed so far.
func (p *Process) Events() []Event {
	text, _ := p.output.stream(stdout)
	return parseEvents(text)
}

// WaitEvent waits for an event of this name for which all of match hold, and
// returns the first; events from before the call count too.
func (p *Process) WaitEvent(t testing.TB, within time.Duration, name string, match ...func(Event) bool) Event {
	t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		text, changed := p.output.stream(stdout)
		if event := findEvent(text, name, match); event != nil {
			return event
		}
		select {
		case <-changed:
		case <-p.exited:
			text, _ := p.output.stream(stdout)
			if event := findEvent(text, name, match); event != nil {
				return event
			}
			t.Fatalf("harness: %s ended (exit code %d) without logging %q\n%s", p.name, p.code(), name, p.Output())
		case <-limit.C:
			t.Fatalf("harness: %s did not log %q within %s\n%s", p.name, name, within, p.Output())
		}
	}
}

// EventsNamed returns the events of a name that the process printed so far. The name has
// no character that JSON escapes.
func (p *Process) EventsNamed(name string) []Event {
	text, _ := p.output.stream(stdout)
	return eventsNamed(text, name)
}

func eventsNamed(text, name string) []Event {
	var named []Event
	for line := range strings.Lines(text) {
		if !strings.Contains(line, name) { // which is much cheaper to see than what the line says
			continue
		}
		for _, event := range parseEvents(line) {
			if event.Named(name) {
				named = append(named, event)
			}
		}
	}
	return named
}

func findEvent(text, name string, match []func(Event) bool) Event {
events:
	for _, event := range eventsNamed(text, name) {
		for _, holds := range match {
			if !holds(event) {
				continue events
			}
		}
		return event
	}
	return nil
}

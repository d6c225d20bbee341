package domain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// exposureEvent is the only event whose name may begin with "$".
const exposureEvent = "$flag_exposure"

// The limits of an event are those of Flagsmith. Names are limited in characters, other
// members in bytes of compact JSON.
const (
	maxEventName   = 256
	maxEventText   = 2000 // feature names, identifiers and values of traits
	maxTraitKey    = 200
	maxEventValue  = 128 << 10
	maxEventTraits = 32 << 10
	maxEventData   = 8 << 10 // metadata
	maxEventSkew   = 24 * time.Hour
)

// maxRejections bounds the list of rejected events.
const maxRejections = 500

// ErrEventTypes is wrapped by errors about JSON that is not a list of events, because a
// member is missing or has the wrong type.
var ErrEventTypes = errors.New("not a list of events")

// EventSource is where events come from. Events of one source are sent together.
type EventSource struct {
	Environment EnvironmentKey
	// ServerKey is the digest of the server-side key of the request, or zero if it had
	// the client-side key. The key itself is never stored.
	ServerKey KeyDigest
	// SDK is the name and version that the SDK gives itself; it may be empty.
	SDK string
}

// Events is a list of events, divided into valid and rejected ones.
type Events struct {
	// Valid has the text of each valid event as it was sent. The texts are parts of the
	// body.
	Valid []string
	// Rejected has the first rejected events. NumRejected is the number of all: a body
	// can hold a million of them.
	Rejected    []RejectedEvent
	NumRejected int
}

// RejectedEvent is an event that is not accepted, and why.
type RejectedEvent struct {
	Index  int // in the list of the request
	Reason string
}

// ReadEvents reads {"events":[…]} and checks each event on its own, at the time now. Its
// errors concern the whole body and wrap jsonscan.ErrSyntax or ErrEventTypes.
func ReadEvents(body string, now time.Time) (Events, error) {
	r := eventReader{Scanner: jsonscan.New(body), body: body, latest: now.Add(maxEventSkew).UnixMilli()}
	found := false
	r.object("the body", func(key string) {
		switch {
		case key != "events":
			r.Skip()
		case found:
			r.wrong("events is there twice")
		default:
			found = true
			r.list()
		}
	})
	if r.types == nil && !found {
		r.wrong("events is missing")
	}
	if err := r.Err(); err != nil {
		return Events{}, err
	}
	if r.types != nil {
		return Events{}, r.types
	}
	return r.events, r.End()
}

// eventReader reads a list of events. It stops at the first error, of syntax or of types.
type eventReader struct {
	jsonscan.Scanner
	body   string
	latest int64 // the latest allowed timestamp
	events Events
	types  error
}

// event is the members of an event that are checked. A member that is missing is empty.
type event struct {
	name                    string
	feature, identifier     string
	hasFeature              bool
	timestamp               int64
	value, traits, metadata string // raw
}

func (r *eventReader) wrong(format string, args ...any) {
	if r.types == nil {
		r.types = fmt.Errorf("%w: %s", ErrEventTypes, fmt.Sprintf(format, args...))
	}
}

// object reads an object. It calls member for each key, to read the value.
func (r *eventReader) object(what string, member func(key string)) {
	if kind := r.Kind(); kind != jsonscan.Object && kind != jsonscan.Invalid {
		r.Skip() // an error of syntax comes first
		r.wrong("%s must be an object", what)
		return
	}
	for key := range r.Keys() {
		if member(key); r.types != nil {
			return
		}
	}
}

func (r *eventReader) list() {
	if kind := r.Kind(); kind != jsonscan.Array && kind != jsonscan.Invalid {
		r.Skip()
		r.wrong("events must be a list")
		return
	}
	r.EnterArray()
	for i := 0; r.NextElement(); i++ {
		e, raw := r.event(i)
		if r.types != nil || r.Err() != nil {
			return
		}
		reason := e.problem(r.latest)
		if reason == "" {
			r.events.Valid = append(r.events.Valid, raw)
			continue
		}
		if r.events.NumRejected++; r.events.NumRejected <= maxRejections {
			r.events.Rejected = append(r.events.Rejected, RejectedEvent{i, fmt.Sprintf("events[%d].%s", i, reason)})
		}
	}
}

// event reads one event and returns its members and its text.
func (r *eventReader) event(i int) (e event, raw string) {
	_ = r.Kind() // skips white space
	start := r.Offset()
	var seen []string
	r.object("an event", func(key string) {
		if slices.Contains(seen, key) {
			r.wrong("events[%d].%s is there twice", i, key)
			return
		}
		switch key {
		case "event":
			e.name = r.text(i, key, false)
		case "feature_name":
			e.hasFeature = r.Kind() != jsonscan.Null
			e.feature = r.text(i, key, true)
		case "identifier":
			e.identifier = r.text(i, key, true)
		case "timestamp":
			e.timestamp = r.integer(i, key)
		case "value":
			e.value = r.Raw()
		case "traits":
			e.traits = r.Raw()
		case "metadata":
			e.metadata = r.Raw()
		default:
			r.Skip()
			return
		}
		seen = append(seen, key)
	})
	return e, r.body[start:r.Offset()]
}

// text reads a string or, if nullable, null.
func (r *eventReader) text(i int, key string, nullable bool) string {
	switch kind := r.Kind(); {
	case kind == jsonscan.String || kind == jsonscan.Invalid:
		return r.String()
	case kind == jsonscan.Null && nullable:
		r.Null()
	default:
		r.Skip()
		r.wrong("events[%d].%s must be a string", i, key)
	}
	return ""
}

func (r *eventReader) integer(i int, key string) int64 {
	if kind := r.Kind(); kind != jsonscan.Number && kind != jsonscan.Invalid {
		r.Skip()
		r.wrong("events[%d].%s must be an integer", i, key)
		return 0
	}
	text := r.Number()
	n, ok := jsonscan.Int64(text)
	if !ok && r.Err() == nil {
		r.wrong("events[%d].%s must be an integer", i, key)
	}
	return n
}

// problem returns why an event is rejected, or "".
func (e *event) problem(latest int64) string {
	earliest := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	switch {
	case strings.TrimSpace(e.name) == "":
		return "event must not be empty"
	case longer(e.name, maxEventName):
		return fmt.Sprintf("event must have at most %d characters", maxEventName)
	case e.name[0] == '$' && e.name != exposureEvent:
		return fmt.Sprintf("event must not begin with $, unless it is %s", exposureEvent)
	case e.name == exposureEvent && !e.hasFeature:
		return fmt.Sprintf("feature_name is required for %s", exposureEvent)
	case longer(e.feature, maxEventText):
		return fmt.Sprintf("feature_name must have at most %d characters", maxEventText)
	case longer(e.identifier, maxEventText):
		return fmt.Sprintf("identifier must have at most %d characters", maxEventText)
	case e.timestamp <= earliest:
		return "timestamp must be in milliseconds and after 2020-01-01"
	case e.timestamp > latest:
		return "timestamp must not be more than 24 hours ahead"
	case larger(e.value, maxEventValue):
		return fmt.Sprintf("value must have at most %d bytes", maxEventValue)
	case larger(e.traits, maxEventTraits):
		return fmt.Sprintf("traits must have at most %d bytes", maxEventTraits)
	case larger(e.metadata, maxEventData):
		return fmt.Sprintf("metadata must have at most %d bytes", maxEventData)
	default:
		return traitsProblem(e.traits)
	}
}

// traitsProblem returns why an event with these traits is rejected, or "".
func traitsProblem(raw string) string {
	s := jsonscan.New(raw)
	switch {
	case raw == "" || s.Kind() == jsonscan.Null:
		return ""
	case s.Kind() != jsonscan.Object:
		return "traits must be an object"
	}
	for key := range s.Keys() {
		switch {
		case longer(key, maxTraitKey):
			return fmt.Sprintf("the keys of traits must have at most %d characters", maxTraitKey)
		case s.Kind() != jsonscan.String:
			s.Skip()
		case longer(s.String(), maxEventText):
			return fmt.Sprintf("the strings of traits must have at most %d characters", maxEventText)
		}
	}
	return ""
}

// longer reports whether text has more characters than that.
func longer(text string, characters int) bool {
	return len(text) > characters && utf8.RuneCountInString(text) > characters
}

// larger reports whether the JSON value raw has more bytes than that in compact form.
func larger(raw string, bytes int) bool {
	return len(raw) > bytes && len(jsonscan.AppendCompact(nil, raw)) > bytes
}

package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// eventsNow is the time at which the events of these tests are read.
var eventsNow = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// readEvent reads one event with a good timestamp and the given members.
func readEvent(t *testing.T, members string) (domain.Events, error) {
	t.Helper()
	return domain.ReadEvents(`{"events":[{"timestamp":1795910400000,`+members+`}]}`, eventsNow)
}

func TestValidEvents(t *testing.T) {
	text := strings.Repeat
	for _, members := range []string{
		`"event":"$flag_exposure","feature_name":"checkout","identifier":"u","value":"treatment","traits":null,"metadata":{"experiment_id":3}`,
		`"event":"purchase"`,
		`"event":"purchase","feature_name":null,"identifier":null,"value":null,"traits":{},"metadata":null,"more":[1]`,
		`"event":"purchase","value":19.9`,
		`"event":"` + text("é", 256) + `","feature_name":"` + text("é", 2000) + `","identifier":"` + text("é", 2000) + `"`,
		`"event":"x","value":"` + text("v", 128<<10-2) + `"`,
		`"event":"x","value":` + text(" ", 200<<10) + `"v"`,
		`"event":"x","traits":{"` + text("k", 200) + `":"` + text("é", 2000) + `","n":1,"list":["` + text("v", 3000) + `"]}`,
		`"event":"x","value":[` + text(" ", 200<<10) + `"v"]`,
		`"event":"x","metadata":{"m":"` + text("v", 8<<10-8) + `"}`,
		`"event":"x","metadata":{ "m" : "` + text("v", 8<<10-8) + `"}`,
	} {
		events, err := readEvent(t, members)
		if err != nil || len(events.Valid) != 1 || len(events.Rejected) != 0 {
			t.Errorf("%.80s: %d valid, rejected %v, %v", members, len(events.Valid), events.Rejected, err)
		}
	}
}

func TestRejectedEvents(t *testing.T) {
	text := strings.Repeat
	for members, want := range map[string]string{
		`"value":"x"`:                                  "events[0].event must not be empty",
		`"event":""`:                                   "events[0].event must not be empty",
		`"event":" \t "`:                               "events[0].event must not be empty",
		`"event":"` + text("é", 257) + `"`:             "events[0].event must have at most 256 characters",
		`"event":"$made_up"`:                           "events[0].event must not begin with $, unless it is $flag_exposure",
		`"event":"$flag_exposure"`:                     "events[0].feature_name is required for $flag_exposure",
		`"event":"$flag_exposure","feature_name":null`: "events[0].feature_name is required for $flag_exposure",
		`"event":"x","feature_name":"` + text("é", 2001) + `"`:                         "events[0].feature_name must have at most 2000 characters",
		`"event":"x","identifier":"` + text("é", 2001) + `"`:                           "events[0].identifier must have at most 2000 characters",
		`"event":"x","value":"` + text("v", 128<<10) + `"`:                             "events[0].value must have at most 131072 bytes",
		`"event":"x","traits":[]`:                                                      "events[0].traits must be an object",
		`"event":"x","traits":"a"`:                                                     "events[0].traits must be an object",
		`"event":"x","traits":{"` + text("k", 201) + `":1}`:                            "events[0].the keys of traits must have at most 200 characters",
		`"event":"x","traits":{"k":"` + text("é", 2001) + `"}`:                         "events[0].the strings of traits must have at most 2000 characters",
		`"event":"x","traits":{"k":["` + text("v", 32<<10) + `"]}`:                     "events[0].traits must have at most 32768 bytes",
		`"event":"x","metadata":{"m":"` + text("v", 8<<10) + `"}`:                      "events[0].metadata must have at most 8192 bytes",
		`"event":"x","metadata":` + text("[", 300) + text("1", 8<<10) + text("]", 300): "events[0].metadata must have at most 8192 bytes",
	} {
		events, err := readEvent(t, members)
		if err != nil || len(events.Valid) != 0 || len(events.Rejected) != 1 || events.Rejected[0].Reason != want {
			t.Errorf("%.80s: %d valid, rejected %v, %v, want %q", members, len(events.Valid), events.Rejected, err, want)
		}
	}
}

func TestTimestampsOfEvents(t *testing.T) {
	latest := eventsNow.Add(24 * time.Hour).UnixMilli()
	for timestamp, valid := range map[string]bool{
		"0": false, "1": false, "-1": false, "1795910400": false, "1577836800000": false, "1577836800001": true,
		fmt.Sprint(latest): true, fmt.Sprint(latest + 1): false, "9223372036854775807": false,
	} {
		events, err := domain.ReadEvents(`{"events":[{"event":"x","timestamp":`+timestamp+`}]}`, eventsNow)
		if err != nil || len(events.Valid) == 1 != valid {
			t.Errorf("%s: %v, %v", timestamp, events, err)
		}
	}
	events, err := domain.ReadEvents(`{"events":[{"event":"x"}]}`, eventsNow)
	if err != nil || len(events.Rejected) != 1 {
		t.Errorf("without a timestamp: %v, %v", events, err)
	}
}

func TestOneInvalidEventDoesNotStopTheOthers(t *testing.T) {
	const (
		first = `{ "event" : "a\u0041" , "timestamp" : 1795910400000, "metadata":{ "n":1.50 } }`
		last  = `{"timestamp":1795910400000,"event":"b"}`
	)
	events, err := domain.ReadEvents(` {"sent":1,"events":[ `+first+` , {"event":"x"},`+last+`] } `, eventsNow)
	if err != nil || !slices.Equal(events.Valid, []string{first, last}) || len(events.Rejected) != 1 || events.Rejected[0].Index != 1 {
		t.Errorf("%q, %v, %v", events.Valid, events.Rejected, err)
	}
	for _, body := range []string{`{"events":[]}`, `{"events":[ ]}`} {
		if events, err := domain.ReadEvents(body, eventsNow); err != nil || len(events.Valid)+len(events.Rejected) != 0 {
			t.Errorf("%s: %v, %v", body, events, err)
		}
	}
}

func TestRejectedEventsAreListedUpToALimit(t *testing.T) {
	events, err := domain.ReadEvents(`{"events":[`+strings.Repeat("{},", 1000)+`{}]}`, eventsNow)
	if err != nil || len(events.Rejected) != 500 || events.NumRejected != 1001 || events.Rejected[499].Index != 499 {
		t.Errorf("%d listed, %d in all, %v", len(events.Rejected), events.NumRejected, err)
	}
}

func TestBodiesThatAreNotEvents(t *testing.T) {
	for _, body := range []string{"", " ", "{", `{"events":`, `{"events":[`, `{"events":[{`, `{"events":[{"event":"x"`, `{"events":[{"event":}]}`, `{"events":[]} x`, "\ufeff{}", "nul", `{"events":[{"event":"\ud8"}]}`, "{\"events\":[{\"event\":\"\xff\"}]}"} {
		if _, err := domain.ReadEvents(body, eventsNow); !errors.Is(err, jsonscan.ErrSyntax) {
			t.Errorf("%q: %v, want an error of syntax", body, err)
		}
	}
	for _, body := range []string{
		"null", "[]", `"events"`, "1", "{}", `{"events":null}`, `{"events":{}}`, `{"events":[null]}`, `{"events":["x"]}`, `{"events":[[]]}`, `{"events":[],"events":[]}`,
		`{"events":[{"event":null}]}`, `{"events":[{"event":1}]}`, `{"events":[{"feature_name":1}]}`, `{"events":[{"identifier":{}}]}`,
		`{"events":[{"timestamp":null}]}`, `{"events":[{"timestamp":"1795910400000"}]}`, `{"events":[{"timestamp":1795910400000.5}]}`, `{"events":[{"timestamp":1e12}]}`, `{"events":[{"timestamp":99999999999999999999}]}`,
		`{"events":[{"event":"a","event":"a"}]}`,
	} {
		if _, err := domain.ReadEvents(body, eventsNow); !errors.Is(err, domain.ErrEventTypes) || errors.Is(err, jsonscan.ErrSyntax) {
			t.Errorf("%s: %v, want an error of types", body, err)
		}
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add(`{"events":[{"event":"x","timestamp":1795910400000,"traits":{"a":"b"}},{}]}`)
	f.Add(`{"events":[{"event":"x","timestamp":1,"value":"\u00e9"}`)
	f.Fuzz(func(t *testing.T, body string) {
		events, err := domain.ReadEvents(body, eventsNow)
		if err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("%q was read", body)
		}
		for _, raw := range events.Valid {
			if !json.Valid([]byte(raw)) || !strings.Contains(body, raw) {
				t.Fatalf("%q is not an event of %q", raw, body)
			}
		}
	})
}

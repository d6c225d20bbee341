package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/domain"
)

// eventPaths are all spellings of the path.
func eventPaths() []string {
	return []string{"/v1/events", "/v1/events/", "/api/v1/events", "/api/v1/events/"}
}

// eventTaker notes the events that are accepted.
type eventTaker struct {
	source domain.EventSource
	events []string
	full   bool
}

func (e *eventTaker) Accept(source domain.EventSource, events []string) bool {
	if e.full {
		return false
	}
	e.source = source
	for _, text := range events {
		e.events = append(e.events, strings.Clone(text))
	}
	return true
}

func eventsAPI(tb testing.TB, change func(*httpapi.Options)) (*httpapi.API, *eventTaker) {
	n := new(eventTaker)
	return newAPI(tb, func(o *httpapi.Options) {
		o.Events, o.MaxEventsBytes = n, 4096
		o.Now = func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }
		if change != nil {
			change(o)
		}
	}), n
}

const goodEvent = `{ "event":"purchase", "timestamp": 1795910400000, "metadata":{"n":1.50} }`

// eventHeaders are those of an SDK.
func eventHeaders(more ...string) []string {
	return clientHeader(append([]string{"Content-Type: application/json; charset=utf-8", "Flagsmith-SDK-User-Agent: flagsmith-python-sdk/6.3.0"}, more...)...)
}

func TestEventsAreAccepted(t *testing.T) {
	for _, path := range eventPaths() {
		api, n := eventsAPI(t, nil)
		w := ask(api, "POST", path, `{"events":[`+goodEvent+`,{"event":"old","timestamp":1},`+goodEvent+`]}`, eventHeaders()...)
		want(t, w, http.StatusAccepted, `{"accepted":2,"rejected":[{"index":1,"error":"events[1].timestamp must be in milliseconds and after 2020-01-01"}]}`)
		if !slices.Equal(n.events, []string{goodEvent, goodEvent}) || n.source != (domain.EventSource{Environment: clientKey, SDK: "flagsmith-python-sdk/6.3.0"}) {
			t.Errorf("%s: took %q of %+v", path, n.events, n.source)
		}
	}
	api, n := eventsAPI(t, nil)
	want(t, ask(api, "POST", "/v1/events", `{"events":[`+goodEvent+`]}`, "X-Environment-Key: "+serverKey, "Content-Type: application/json"),
		http.StatusAccepted, `{"accepted":1,"rejected":[]}`)
	if n.source != (domain.EventSource{Environment: clientKey, ServerKey: domain.NewServerKey(serverKey).Digest()}) {
		t.Errorf("took events of %+v", n.source)
	}
	// The key alone counts: the document may come later.
	api, n = eventsAPI(t, nil)
	if w := ask(api, "POST", "/v1/events", `{"events":[`+goodEvent+`]}`, "X-Environment-Key: "+emptyKey, "Content-Type: application/json"); w.Code != http.StatusAccepted || len(n.events) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEventsThatAreNotAccepted(t *testing.T) {
	json := "Content-Type: application/json"
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		answer  string // "" is any
	}{
		"no key":                {`{"events":[]}`, []string{json}, 401, `{"status":"unauthorized","message":"missing X-Environment-Key header"}`},
		"empty key":             {`{"events":[]}`, []string{json, "X-Environment-Key: "}, 401, ""},
		"unknown key":           {`{"events":[]}`, []string{json, "X-Environment-Key: nobody"}, 401, ""},
		"no events":             {`{"events":[]}`, clientHeader(json), 400, `{"accepted":0,"rejected":[],"error":"events must be non-empty"}`},
		"none valid":            {`{"events":[{"event":"x"}]}`, clientHeader(json), 400, `{"accepted":0,"rejected":[{"index":0,"error":"events[0].timestamp must be in milliseconds and after 2020-01-01"}]}`},
		"not JSON":              {`{"events":[`, clientHeader(json), 400, ""},
		"no body":               {``, clientHeader(json), 400, ""},
		"other JSON":            {`[]`, clientHeader(json), 422, ""},
		"wrong types":           {`{"events":[{"event":1}]}`, clientHeader(json), 422, ""},
		"no content type":       {`{"events":[` + goodEvent + `]}`, clientHeader(), 415, ""},
		"other content type":    {`{"events":[` + goodEvent + `]}`, clientHeader("Content-Type: text/plain"), 415, ""},
		"unknown encoding":      {`{"events":[` + goodEvent + `]}`, clientHeader(json, "Content-Encoding: br"), 415, ""},
		"not gzip":              {`{"events":[` + goodEvent + `]}`, clientHeader(json, "Content-Encoding: gzip"), 400, ""},
		"too large":             {`{"events":[` + strings.Repeat(goodEvent+",", 100) + goodEvent + `]}`, clientHeader(json), 413, ""},
		"declared as type+json": {`{"events":[` + goodEvent + `]}`, clientHeader("Content-Type: application/vnd.x+json"), 202, ""},
	} {
		for _, path := range eventPaths() {
			api, n := eventsAPI(t, nil)
			w := ask(api, "POST", path, c.body, c.headers...)
			if w.Code != c.status || c.answer != "" && w.Body.String() != c.answer {
				t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, c.status, c.answer)
			}
			if w.Code != 202 && len(n.events) != 0 {
				t.Errorf("%s: events were taken", name)
			}
		}
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func TestCompressedEvents(t *testing.T) {
	body := `{"events":[` + goodEvent + `]}`
	for name, c := range map[string]struct {
		body, encoding string
		status         int
	}{
		"gzip":             {gzipped(body), "gzip", 202},
		"x-gzip":           {gzipped(body), "X-GZIP", 202},
		"identity":         {body, "identity", 202},
		"cut off":          {gzipped(body)[:30], "gzip", 400},
		"a bomb":           {gzipped(`{"events":[` + strings.Repeat(" ", 100*64<<10) + `]}`), "gzip", 413},
		"within the limit": {gzipped(body + strings.Repeat(" ", 4096-len(body))), "gzip", 202},
		"beyond the limit": {gzipped(body + strings.Repeat(" ", 4097-len(body))), "gzip", 413},
		"compressed twice": {gzipped(gzipped(body)), "gzip", 400},
		"two encodings":    {gzipped(gzipped(body)), "gzip, gzip", 415},
	} {
		api, n := eventsAPI(t, func(o *httpapi.Options) {
			if name == "a bomb" {
				o.MaxEventsBytes = 64 << 10 // more than the bomb has compressed
			}
		})
		w := ask(api, "POST", "/v1/events", c.body, eventHeaders("Content-Encoding: "+c.encoding)...)
		if w.Code != c.status || c.status == 202 && !slices.Equal(n.events, []string{goodEvent}) {
			t.Errorf("%s: %d %s, took %q", name, w.Code, w.Body, n.events)
		}
	}
}

func TestNoRoomForEvents(t *testing.T) {
	api, n := eventsAPI(t, nil)
	n.full = true
	w := ask(api, "POST", "/v1/events", `{"events":[`+goodEvent+`]}`, eventHeaders()...)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestEventsSwitchedOff(t *testing.T) {
	for _, path := range eventPaths() {
		want(t, ask(newAPI(t, nil), "POST", path, `{}`, eventHeaders()...), http.StatusNotFound, `{"detail":"Not Found"}`)
		api, _ := eventsAPI(t, nil)
		want(t, ask(api, "GET", path, ``, eventHeaders()...), http.StatusMethodNotAllowed, `{"detail":"Method Not Allowed"}`)
	}
}

// TestNamesOfSDKs sees that only what can be sent on is taken over.
func TestNamesOfSDKs(t *testing.T) {
	for name, want := range map[string]string{
		"flagsmith-js-sdk/12.4.0": "flagsmith-js-sdk/12.4.0", "": "", "a\tb": "", "é": "", "a\x00": "",
		strings.Repeat("x", 256): strings.Repeat("x", 256), strings.Repeat("x", 257): "",
	} {
		api, n := eventsAPI(t, nil)
		r := request("POST", "/v1/events", `{"events":[`+goodEvent+`]}`, clientHeader("Content-Type: application/json")...)
		r.Header["Flagsmith-Sdk-User-Agent"] = []string{name}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != 202 || n.source.SDK != want {
			t.Errorf("%.20q: %d, %q", name, w.Code, n.source.SDK)
		}
	}
}

// TestEventsComeFromAnyOrigin sees that allow_origins does not hold for events.
func TestEventsComeFromAnyOrigin(t *testing.T) {
	api, _ := eventsAPI(t, func(o *httpapi.Options) { o.AllowOrigins = []string{"https://app.example"} })
	for _, path := range eventPaths() {
		w := ask(api, "POST", path, `{"events":[`+goodEvent+`]}`, eventHeaders("Origin: https://other.example")...)
		if w.Code != 202 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		w = ask(api, "OPTIONS", path, "", "Origin: https://other.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-environment-key,flagsmith-sdk-user-agent")
		if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") == "" || w.Header().Get("Access-Control-Allow-Headers") != "x-environment-key,flagsmith-sdk-user-agent" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("Origin: https://other.example")...); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("flags may be read from any origin")
	}
}

// TestManyRejectedEvents sees that the answer stays small, whatever is sent.
func TestManyRejectedEvents(t *testing.T) {
	api, _ := eventsAPI(t, func(o *httpapi.Options) { o.MaxEventsBytes = 1 << 20 })
	w := ask(api, "POST", "/v1/events", `{"events":[`+strings.Repeat("{},", 300_000)+goodEvent+`]}`, eventHeaders()...)
	var answer struct {
		Accepted int
		Rejected []struct{ Index int }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 202 || w.Body.Len() > 64<<10 {
		t.Errorf("%d with %d bytes, %v", w.Code, w.Body.Len(), err)
	}
	if answer.Accepted != 1 || len(answer.Rejected) != 500 || answer.Rejected[499].Index != 499 {
		t.Errorf("%d accepted, %d rejected", answer.Accepted, len(answer.Rejected))
	}
}

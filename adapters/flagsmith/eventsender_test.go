package flagsmith_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func sender(t *testing.T, address string) *flagsmith.EventSender {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := flagsmith.NewEventSender(flagsmith.Options{APIURL: u, Timeout: patient, MaxDocumentBytes: 1, UserAgent: "edge-proxy/1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func eventBatch() ports.EventBatch {
	return ports.EventBatch{
		Environment: "client", SDK: "flagsmith-python-sdk/6.3.0",
		Events: []string{`{ "event":"a<b>\u00e9", "timestamp":1.50e3 }`, `{"event":"b"}`},
	}
}

func TestSendEvents(t *testing.T) {
	s, got := receiver(t, http.StatusAccepted)
	for _, address := range []string{s.URL, s.URL + "/", s.URL + "/api/"} {
		b := eventBatch()
		if receipt, err := sender(t, address).SendEvents(t.Context(), b); err != nil || receipt != (ports.EventReceipt{}) {
			t.Errorf("%+v, %v", receipt, err)
		}
		b.ServerKey, b.SDK = domain.NewServerKey(serverKey), ""
		if _, err := sender(t, address).SendEvents(t.Context(), b); err != nil {
			t.Error(err)
		}
	}
	if len(*got) != 6 {
		t.Fatalf("%d requests", len(*got))
	}
	for i, p := range *got {
		path, key, sdk := "/v1/events", "client", "flagsmith-python-sdk/6.3.0"
		if i > 3 {
			path = "/api/v1/events"
		}
		if i%2 == 1 {
			key, sdk = serverKey, ""
		}
		if p.path != path || p.body != `{"events":[{ "event":"a<b>\u00e9", "timestamp":1.50e3 },{"event":"b"}]}` {
			t.Errorf("sent %s to %s", p.body, p.path)
		}
		for name, want := range map[string]string{"X-Environment-Key": key, "Flagsmith-SDK-User-Agent": sdk, "Content-Type": "application/json; charset=utf-8", "User-Agent": "edge-proxy/1.2.3"} {
			if p.header.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, p.header.Get(name), want)
			}
		}
	}
}

func TestReceiptsOfEvents(t *testing.T) {
	for body, want := range map[string]ports.EventReceipt{
		``:                             {},
		`text`:                         {},
		`{"accepted":2,"rejected":[]}`: {},
		`{"accepted":1,"rejected":[{"index":1,"error":"too old"}]}`:              {Rejected: 1, Reason: "too old"},
		`{"rejected":[{"error":"a"},{"error":"b"}]}`:                             {Rejected: 2, Reason: "a"},
		`{"rejected":[{"error":"the key client is odd"}]}`:                       {Rejected: 1},
		`{"rejected":[{"error":"` + strings.Repeat("x", 201) + `"}]}`:            {Rejected: 1},
		`{"rejected":[{"index":0}],"more":"` + strings.Repeat("x", 2<<20) + `"}`: {},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = fmt.Fprint(w, body)
		})
		if receipt, err := sender(t, s.URL).SendEvents(t.Context(), eventBatch()); err != nil || receipt != want {
			t.Errorf("%.60s: %+v, %v, want %+v", body, receipt, err, want)
		}
	}
}

func TestEventsThatAreNotTaken(t *testing.T) {
	for status, want := range map[int]struct {
		refused, divisible bool
		cause              string
	}{
		400: {true, true, "an event of this form"},
		401: {true, false, "key is not known there: check that events.url"},
		403: {true, false, "key is not known there: check that events.url"},
		404: {true, false, "events.url is not the address"},
		405: {true, false, "events.url is not the address"},
		407: {false, false, "forward proxy"},
		408: {false, false, ""},
		409: {true, true, ""},
		410: {true, false, "events.url is not the address"},
		413: {true, true, "too large"},
		415: {true, false, "an event of this form"},
		422: {true, true, "an event of this form"},
		425: {false, false, ""},
		429: {false, false, "fewer requests and asks to wait 90 s"},
		500: {false, false, "has failed"},
		503: {false, false, "asks to wait 90 s"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(status)
		})
		b := eventBatch()
		b.ServerKey = domain.NewServerKey(serverKey)
		_, err := sender(t, s.URL).SendEvents(t.Context(), b)
		report := reportError(t, err)
		if report.Status != status || report.Refused != want.refused || report.Divisible != want.divisible || report.After != 90*time.Second || !strings.Contains(report.Cause, want.cause) {
			t.Errorf("%d: %+v", status, report)
		}
		if strings.Contains(err.Error(), "api_url") {
			t.Errorf("%d: %v names another setting", status, err)
		}
	}
}

func TestEventsWithoutAnAnswer(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	address := s.URL
	_, err := sender(t, address).SendEvents(t.Context(), eventBatch())
	if report := reportError(t, err); report.Status != 0 || report.Refused {
		t.Errorf("%+v", report)
	}
	s.Close()
	_, err = sender(t, address).SendEvents(t.Context(), eventBatch())
	if report := reportError(t, err); report.Refused || !strings.Contains(report.Cause, "events.url") || strings.Contains(report.Cause, "api_url") {
		t.Errorf("%+v", report)
	}
	// Keys and events stay at the address that was configured.
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("events went elsewhere") })
	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", elsewhere.URL+"/v1/events")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	_, err = sender(t, s.URL).SendEvents(t.Context(), eventBatch())
	if report := reportError(t, err); report.Refused || !strings.Contains(report.Cause, "events.url") {
		t.Errorf("%+v", report)
	}
	var none *ports.ReportError
	if !errors.As(err, &none) {
		t.Error(err)
	}
}

func TestRetryAfterAsATime(t *testing.T) {
	for text, bounds := range map[string][2]time.Duration{
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  {time.Hour - time.Minute, time.Hour},
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): {0, 0},
		"": {0, 0}, "soon": {0, 0}, "-5": {0, 0}, "0": {0, 0}, "99999999999": {0, 0},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		_, err := sender(t, s.URL).SendEvents(t.Context(), eventBatch())
		if after := reportError(t, err).After; after < bounds[0] || after > bounds[1] {
			t.Errorf("%q: %v", text, after)
		}
	}
}

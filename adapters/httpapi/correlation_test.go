package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

const (
	trace       = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
)

func TestRequestIDIsRepeated(t *testing.T) {
	api := newAPI(t, nil)
	for name, test := range map[string]struct {
		ids  []string
		want string
	}{
		"none":                {nil, ""},
		"one":                 {[]string{"a-1"}, "a-1"},
		"blanks inside":       {[]string{"a b"}, "a b"},
		"the first":           {[]string{"a", "b"}, "a"},
		"the longest":         {[]string{strings.Repeat("x", 128)}, strings.Repeat("x", 128)},
		"too long":            {[]string{strings.Repeat("x", 129)}, ""},
		"empty":               {[]string{""}, ""},
		"a control character": {[]string{"a\x1b[31m"}, ""},
		"a tab":               {[]string{"a\tb"}, ""},
		"a line break":        {[]string{"a\r\nSet-Cookie: b"}, ""},
		"not ASCII":           {[]string{"é"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for target, status := range map[string]int{"/api/v1/flags/": 200, "/nope": 404, "/api/v1/identities": 422, "/proxy/health/liveness": 200} {
				r := request("GET", target, "", clientHeader()...)
				r.Header["X-Request-Id"] = test.ids
				w := serve(api, r)
				if w.Code != status {
					t.Errorf("%s: %d", target, w.Code)
				}
				wantHeader(t, w, "X-Request-Id", test.want)
			}
		})
	}
}

func TestBrowsersMaySendAndReadCorrelation(t *testing.T) {
	api := newAPI(t, nil)
	w := ask(api, "OPTIONS", "/api/v1/flags/", "", "Origin: https://a.test", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: traceparent,x-request-id")
	if w.Code != 200 {
		t.Errorf("preflight: %d", w.Code)
	}
	wantHeader(t, w, "Access-Control-Allow-Headers", "traceparent,x-request-id")
	const exposed = "X-Flagsmith-Document-Updated-At, ETag, Retry-After, RateLimit, RateLimit-Policy"
	for _, test := range []struct{ header, exposed string }{{"Accept: */*", exposed}, {"X-Request-ID: a", exposed + ", X-Request-ID"}} {
		w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("Origin: https://a.test", test.header)...)
		wantHeader(t, w, "Access-Control-Expose-Headers", test.exposed)
	}
}

func TestAccessRecordsNameTheRequest(t *testing.T) {
	var got httpapi.AccessRecord
	api := newAPI(t, func(o *httpapi.Options) { o.Access = func(r httpapi.AccessRecord) { got = r } })
	type named struct{ environment, request, trace, agent string }
	for name, test := range map[string]struct {
		method, target string
		headers        []string
		want           named
	}{
		"nothing sent":          {"GET", "/api/v1/flags/", nil, named{}},
		"a client-side key":     {"GET", "/api/v1/flags/", clientHeader(), named{environment: clientKey}},
		"a server-side key":     {"GET", "/api/v1/environment-document/", []string{"X-Environment-Key: " + serverKey}, named{environment: clientKey}},
		"an unknown key":        {"GET", "/api/v1/flags/", []string{"X-Environment-Key: nope"}, named{}},
		"a key for OFREP":       {"POST", ofrepFlags, []string{"Authorization: Bearer " + clientKey}, named{environment: clientKey}},
		"OFREP's key elsewhere": {"GET", "/api/v1/flags/", []string{"Authorization: Bearer " + clientKey}, named{}},
		"a request ID":          {"GET", "/health", []string{"X-Request-ID: a b"}, named{request: "a b"}},
		"an ID that is a key":   {"GET", "/health", []string{"X-Request-ID: " + serverKey, "User-Agent: " + serverKey}, named{request: "ser.…6789", agent: "ser.…6789"}},
		"an ID too long":        {"GET", "/health", []string{"X-Request-ID: " + strings.Repeat("a", 129)}, named{}},
		"a trace":               {"GET", "/health", []string{"traceparent: " + traceparent}, named{trace: trace}},
		"a trace not sampled":   {"GET", "/health", []string{"traceparent: 00-" + trace + "-00f067aa0ba902b7-00"}, named{trace: trace}},
		"a later version":       {"GET", "/health", []string{"traceparent: cc-" + trace + "-00f067aa0ba902b7-01-what"}, named{trace: trace}},
		"an invalid version":    {"GET", "/health", []string{"traceparent: ff-" + trace + "-00f067aa0ba902b7-01"}, named{}},
		"no trace":              {"GET", "/health", []string{"traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, named{}},
		"upper case":            {"GET", "/health", []string{"traceparent: " + strings.ToUpper(traceparent)}, named{}},
		"cut off":               {"GET", "/health", []string{"traceparent: 00-" + trace}, named{}},
		"not one":               {"GET", "/health", []string{"traceparent: " + serverKey}, named{}},
		"a user agent":          {"GET", "/health", []string{"User-Agent: flagsmith-python/3.9"}, named{agent: "flagsmith-python/3.9"}},
	} {
		t.Run(name, func(t *testing.T) {
			ask(api, test.method, test.target, "", test.headers...)
			if have := (named{got.Environment, got.RequestID, got.TraceID, got.UserAgent}); have != test.want {
				t.Errorf("got %+v, want %+v", have, test.want)
			}
		})
	}
}

// TestFailuresNameTheRequest: the lines about a failure have what the access line has.
func TestFailuresNameTheRequest(t *testing.T) {
	var out bytes.Buffer
	api := newAPI(t, func(o *httpapi.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(&out, nil))
	})
	r := request("POST", "/api/v1/identities/", "{", clientHeader("X-Request-ID: a-1", "traceparent: "+traceparent)...)
	r.Body = brokenBody{}
	serve(api, r)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line["request_id"] != "a-1" || line["trace_id"] != trace {
		t.Errorf("logged %v", line)
	}
}

// brokenBody panics when it is read.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { panic(errors.New("broken")) }
func (brokenBody) Close() error             { return nil }

var _ http.Handler = (*httpapi.API)(nil)

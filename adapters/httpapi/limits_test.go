package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// What a client sent is repeated in an error only as far as is needed to recognise it.
func TestErrorAnswersAreShort(t *testing.T) {
	api := newAPI(t, nil)
	const large = 256 << 10 // more than any of the answers
	fill := func(text string, size int) string { return strings.Repeat(text, size/len(text)) }
	for name, test := range map[string]struct {
		method, target, body string
		headers              []string
		most                 int
	}{
		"body of control characters":   {"POST", "/api/v1/identities/", fill("\x01", large-8), []string{"Content-Type: text/plain"}, 1300},
		"body of quotation marks":      {"POST", "/api/v1/identities/", fill(`"`, large-8), []string{"Content-Type: text/plain"}, 1300},
		"body that is a string":        {"POST", "/api/v1/identities/", `"` + fill(`\u00e9é`, large-8) + `"`, nil, 1300},
		"body that is a list":          {"POST", "/api/v1/identities/", "[" + fill("1,", large-8) + "1]", nil, 1300},
		"identifier that is a number":  {"POST", "/api/v1/identities/", `{"identifier":` + fill("9", large-100) + `}`, nil, 1300},
		"identifier that is an object": {"POST", "/api/v1/identities/", `{"identifier":{"a":"` + fill(`\ud83d\ude00`, large-100) + `"}}`, nil, 1300},
		"long trait":                   {"POST", "/api/v1/identities/", `{"traits":[{"trait_key":"a","trait_value":"` + fill(`\ud83d\ude00`, large-100) + `"}]}`, nil, 1300},
		"trait that is a list":         {"POST", "/api/v1/identities/", `{"traits":[{"trait_key":"a","trait_value":[` + fill("1,", large-100) + `1]}]}`, nil, 4 * 1300},
		"trait without a key":          {"POST", "/api/v1/identities/", `{"traits":[{"trait_value":1,"x":"` + fill("y", large-100) + `"}]}`, nil, 1300},
		"many problems":                {"POST", "/api/v1/identities/", `{"traits":[` + fill("3,", large-100) + `3]}`, nil, 64 << 10},
		"many long problems":           {"POST", "/api/v1/identities/", `{"traits":[` + fill(`["`+fill("y", 2000)+`"],`, large-3000) + `3]}`, nil, 64 << 10},
		"deep nesting":                 {"POST", "/api/v1/identities/", fill("[", large-8), nil, 1300},
		"unknown key":                  {"GET", "/api/v1/flags/", "", []string{"X-Environment-Key: " + fill("k", large)}, 1300},
		"unknown feature":              {"GET", "/api/v1/flags/?feature=" + fill("%01", large), "", clientHeader(), 1300},
		"identifier in the query":      {"GET", "/api/v1/identities/?identifier=" + fill("%01", large), "", clientHeader(), 1300},
		"attribute of OFREP":           {"POST", "/ofrep/v1/evaluate/flags", `{"context":{"` + fill("a", large/2) + `":"` + fill("y", large/2-100) + `"}}`, clientHeader(), 1300},
		"flag of OFREP":                {"POST", "/ofrep/v1/evaluate/flags/" + fill("%01", large), "", clientHeader(), 13_000},
		"page_id":                      {"GET", "/api/v1/environment-document/?page_id=" + fill("y", large), "", []string{"X-Environment-Key: " + serverKey}, 1300},
	} {
		w := ask(api, test.method, test.target, test.body, test.headers...)
		if w.Code < 400 || w.Body.Len() > test.most || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d, %d bytes, JSON %v: %.200s", name, w.Code, w.Body.Len(), json.Valid(w.Body.Bytes()), w.Body)
		}
	}
}

func TestLongInputsBeginLikeWhatWasSent(t *testing.T) {
	api := newAPI(t, nil)
	for body, want := range map[string]string{
		`"` + strings.Repeat("é", 1000) + `"`:                          "éééé",
		`{"identifier":{"a":"` + strings.Repeat("b", 2000) + `"}}`:     `{"a":"bbbb`,
		`{"identifier":[` + strings.Repeat(" 1 ,", 1000) + `1]}`:       `[ 1 , 1`,
		`{"identifier":` + strings.Repeat("12", 1000) + `}`:            `1212`,
		`"` + strings.Repeat(`\ud83d\ude00`, 200) + `"`:                "😀😀",
		`"` + "a" + strings.Repeat(`\ud83d\ude00`, 200) + `"`:          "a😀😀",
		`"` + "abcdefg" + strings.Repeat(`\ud83d\ude00`, 200) + `"`:    "abcdefg😀😀",
		`"` + "abcdefghij" + strings.Repeat(`\ud83d\ude00`, 200) + `"`: "abcdefghij😀😀",
	} {
		w := ask(api, "POST", "/api/v1/identities/", body)
		var answer struct{ Detail []struct{ Input string } }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Detail) != 1 {
			t.Fatalf("%.40s: %v, %s", body, err, w.Body)
		}
		got := answer.Detail[0].Input
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "…") || strings.Contains(got, "\ufffd") || len(got) > 1024 {
			t.Errorf("%.40s: input %q", body, got)
		}
	}
}

// Identifiers and numbers have limits, up to which they are taken.
func TestLongIdentifiersAndNumbers(t *testing.T) {
	api := newAPI(t, nil)
	identifier := func(n int) string { return `{"identifier":"` + strings.Repeat("é", n) + `"}` }
	number := func(text string) string { return `{"traits":[{"trait_key":"a","trait_value":` + text + `}]}` }
	nines := func(n int) string { return strings.Repeat("9", n) }
	const tooLong = `"msg":"String should have at most 16384 characters"`
	const tooMany = `[{"type":"int_parsing_size","loc":["body","traits",0,"trait_value","int"],"msg":"Unable to parse input string as an integer, exceeded maximum size"`
	for _, test := range []struct{ method, target, body, want string }{
		{"POST", "/api/v1/identities/", identifier(16_384), ""},
		{"POST", "/api/v1/identities/", identifier(16_385), `[{"type":"string_too_long","loc":["body","identifier"],` + tooLong},
		{"POST", "/api/v1/identities/", `{"identifier":"` + strings.Repeat("u", 17_000) + `","identifier":"u"}`, ""},
		{"GET", "/api/v1/identities/?identifier=" + strings.Repeat("u", 16_384), "", ""},
		{"GET", "/api/v1/identities/?identifier=" + strings.Repeat("u", 16_385), "", `[{"type":"string_too_long","loc":["query","identifier"],` + tooLong},
		{"POST", "/api/v1/identities/", number(nines(4300)), ""},
		{"POST", "/api/v1/identities/", number("-" + nines(4300)), ""},
		{"POST", "/api/v1/identities/", number(nines(4301)), tooMany},
		{"POST", "/api/v1/identities/", number("-" + nines(4301)), tooMany},
		{"POST", "/api/v1/identities/", number("0." + nines(4300)), tooMany},
		{"POST", "/api/v1/identities/", number("1." + nines(4299)), ""},
		{"POST", "/api/v1/identities/", number("1e" + nines(4300)), tooMany},
		{"POST", "/api/v1/identities/", number(`"` + nines(2000) + `"`), ""},
		{"POST", "/ofrep/v1/evaluate/flags", `{"context":{"targetingKey":"` + strings.Repeat("u", 16_384) + `","a":` + nines(4300) + `}}`, ""},
		{"POST", "/ofrep/v1/evaluate/flags", `{"context":{"targetingKey":"` + strings.Repeat("u", 16_385) + `"}}`, `"INVALID_CONTEXT","errorDetails":"targetingKey has more than 16384 characters"}`},
		{"POST", "/ofrep/v1/evaluate/flags", `{"context":{"a":` + nines(4301) + `}}`, `"INVALID_CONTEXT","errorDetails":"attribute a has more than 4300 digits"}`},
	} {
		w := ask(api, test.method, test.target, test.body, clientHeader()...)
		wrong := http.StatusUnprocessableEntity
		if strings.HasPrefix(test.target, "/ofrep/") {
			wrong = http.StatusBadRequest
		}
		if test.want == "" && w.Code != 200 || test.want != "" && (w.Code != wrong || !strings.Contains(w.Body.String(), test.want)) {
			t.Errorf("%s %.50s: %d %.300s", test.body, test.target, w.Code, w.Body)
		}
	}
	w := ask(api, "GET", "/api/v1/identities/?identifier="+strings.Repeat("u", 16_385), "", clientHeader()...)
	if !strings.HasSuffix(w.Body.String(), `"ctx":{"max_length":16384}}]}`) {
		t.Errorf("%s", w.Body)
	}
}

// No answer may be stored by a cache that does not know what it depends on.
func TestEveryAnswerSaysWhetherItMayBeStored(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		o.Webhook = &httpapi.Webhook{Secret: func() string { return "secret" }, Refresh: func(*http.Request) {}}
		o.Analytics = new(taken)
	})
	const identity = `{"identifier":"u"}`
	server := "X-Environment-Key: " + serverKey
	for _, test := range []struct {
		r    *http.Request
		want string
	}{
		{request("GET", "/api/v1/flags/", "", clientHeader()...), "private, no-cache"},
		{request("GET", "/api/v1/flags/", "", clientHeader("If-None-Match: *")...), "private, no-cache"},
		{request("POST", "/api/v1/identities/", identity, clientHeader()...), "private, no-cache"},
		{request("GET", "/api/v1/environment-document/", "", server), "private, no-cache"},
		{request("POST", "/ofrep/v1/evaluate/flags", "", clientHeader()...), "private, no-cache"},
		{request("GET", "/api/v1/flags/", ""), "no-store"},
		{request("GET", "/api/v1/flags/", "", "X-Environment-Key: nope"), "no-store"},
		{request("GET", "/api/v1/flags/", "", "X-Environment-Key: "+emptyKey), "no-store"},
		{request("GET", "/api/v1/flags/?feature=nope", "", clientHeader()...), "no-store"},
		{request("GET", "/api/v1/identities/", "", clientHeader()...), "no-store"},
		{request("POST", "/api/v1/identities/", "{", clientHeader()...), "no-store"},
		{request("GET", "/api/v1/environment-document/", "", clientHeader()...), "no-store"},
		{request("GET", "/api/v1/environment-document/?page_size=0", "", server), "no-store"},
		{request("POST", "/ofrep/v1/evaluate/flags/nope", "", clientHeader()...), "no-store"},
		{request("GET", "/proxy/health/liveness", ""), "no-store"},
		{request("HEAD", "/proxy/health/liveness", ""), "no-store"},
		{request("GET", "/proxy/health", ""), "no-store"},
		{request("POST", "/proxy/webhook", "{}"), "no-store"},
		{request("POST", "/api/v1/analytics/flags/", "{}", clientHeader()...), "no-store"},
		{request("POST", "/api/v2/analytics/flags/", `{"evaluations":[]}`, clientHeader()...), "no-store"},
		{request("DELETE", "/api/v1/flags/", ""), "no-store"},
		{request("GET", "/nope", ""), "no-store"},
		{request("OPTIONS", "/api/v1/flags/", "", "Origin: https://a.test", "Access-Control-Request-Method: GET"), "no-store"},
	} {
		w := serve(api, test.r)
		if got := w.Header().Get("Cache-Control"); got != test.want {
			t.Errorf("%s %s: %d with Cache-Control %q, want %q", test.r.Method, test.r.URL, w.Code, got, test.want)
		}
	}
}

// The bytes of bodies and of answers that are under way are bounded. Beyond the bound
// the answer is 503, and what was reserved is released with each request.
func TestBytesInFlight(t *testing.T) {
	const most = 1 << 20
	inflight := httpapi.NewInflight(most)
	var log bytes.Buffer // one request at a time logs: the first
	api := newAPI(t, func(o *httpapi.Options) { o.Inflight, o.Logger = inflight, slog.New(slog.NewTextHandler(&log, nil)) })
	body := `{"identifier":"u","x":"` + strings.Repeat("x", 200_000) + `"}`
	for range 100 {
		if w := ask(api, "POST", "/api/v1/identities/", body, clientHeader()...); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	// Bodies under way, each of which is held up before its last byte.
	held, release := make(chan bool), make(chan bool)
	answers := make(chan *httptest.ResponseRecorder)
	const clients = 8
	for range clients {
		go func() {
			r := request("POST", "/api/v1/identities/", "", clientHeader()...)
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(body[:len(body)-1]), gate{held, release}, strings.NewReader(body[len(body)-1:])))
			r.ContentLength = int64(len(body))
			answers <- serve(api, r)
		}()
	}
	refused := 0
	for waiting := 0; waiting+refused < clients; {
		select {
		case <-held:
			waiting++
		case w := <-answers:
			refused++
			if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Header().Get("Connection") != "close" {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		}
	}
	if refused == 0 || refused == clients {
		t.Errorf("%d of %d refused", refused, clients)
	}
	if n := strings.Count(log.String(), "inflight_limit_reached limit_bytes=1048576 refused=1 "); n != 1 {
		t.Errorf("logged %s", &log)
	}
	// Small requests go on.
	for _, r := range []*http.Request{request("GET", "/api/v1/flags/", "", clientHeader()...), request("POST", "/api/v1/identities/", `{"identifier":"u"}`, clientHeader()...)} {
		if w := serve(api, r); w.Code != 200 {
			t.Errorf("%s: %d %s", r.URL, w.Code, w.Body)
		}
	}
	close(release)
	for range clients - refused {
		<-answers
	}
	if !inflight.Reserve(most) {
		t.Error("bytes are still reserved when all requests are over")
	}
	inflight.Release(most)

	// A large answer counts as well as a body.
	inflight.Reserve(most - 50_000)
	w := ask(api, "GET", "/api/v1/identities/?identifier="+strings.Repeat("%01", 16_384), "", clientHeader()...)
	if w.Code != 503 {
		t.Errorf("a large answer: %d", w.Code)
	}
	if w := ask(api, "GET", "/proxy/health/liveness", ""); w.Code != 200 {
		t.Errorf("liveness: %d", w.Code)
	}
	inflight.Release(most - 50_000)
	if w := ask(api, "GET", "/api/v1/identities/?identifier="+strings.Repeat("%01", 16_384), "", clientHeader()...); w.Code != 200 {
		t.Errorf("a large answer: %d", w.Code)
	}
	if !inflight.Reserve(most) {
		t.Error("bytes are still reserved")
	}
}

// gate is a reader without bytes that waits.
type gate struct{ held, release chan bool }

func (g gate) Read([]byte) (int, error) {
	g.held <- true
	<-g.release
	return 0, io.EOF
}

// A panic or a body that breaks off releases what was reserved, too.
func TestFailuresReleaseWhatTheyReserved(t *testing.T) {
	const most = 1 << 20
	inflight := httpapi.NewInflight(most)
	q := &faulty{with: "broken"}
	api := newAPI(t, func(o *httpapi.Options) { o.Query, o.Inflight = q, inflight })
	for _, body := range []io.Reader{
		strings.NewReader(`{"identifier":"u","x":"` + strings.Repeat("x", 100_000) + `"}`),
		io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), iotest.ErrReader(fmt.Errorf("broke off"))),
		strings.NewReader(strings.Repeat("x", 2<<20)),
	} {
		r := request("POST", "/api/v1/identities/", "", clientHeader()...)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if w := serve(api, r); w.Code == 200 {
			t.Errorf("%d", w.Code)
		}
		if !inflight.Reserve(most) {
			t.Error("bytes are still reserved")
		}
		inflight.Release(most)
	}
}

// A body takes no more memory than has arrived of it.
func TestABodyGrowsWithWhatArrives(t *testing.T) {
	inflight := httpapi.NewInflight(20_000)
	api := newAPI(t, func(o *httpapi.Options) { o.Inflight = inflight })
	r := request("POST", "/api/v1/identities/", "", clientHeader()...)
	const body = `{"identifier":"u"}`
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), 1<<20 // announced
	if w := serve(api, r); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Beyond the limit of connections liveness is answered, and nothing else.
func TestRequestsBeyondTheLimitOfConnections(t *testing.T) {
	handler := httpapi.NewSwitch(newAPI(t, nil))
	for target, status := range map[string]int{
		"/proxy/health/liveness": 200, "/proxy/health/liveness/": 200, "/proxy/health/readiness": 503, "/api/v1/flags/": 503, "/nope": 503, "/ofrep/v1/evaluate/flags": 503,
	} {
		w := httptest.NewRecorder()
		handler.ServeOverLimit(w, request("GET", target, "", clientHeader()...))
		if w.Code != status || !json.Valid(w.Body.Bytes()) || status == 503 && w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
}

package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// observed notes what an API measures.
type observed struct {
	mu        sync.Mutex
	endpoints map[string]bool // "METHOD route"
	answers   []answered
}

// answered is one answer that was measured.
type answered struct {
	endpoint string
	status   int
	bytes    int64
	took     time.Duration
}

func (o *observed) Endpoint(route, method string) func(int, int64, time.Duration, uint32, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	endpoint := method + " " + route
	if o.endpoints == nil {
		o.endpoints = map[string]bool{}
	}
	o.endpoints[endpoint] = true
	return func(status int, bytes int64, took time.Duration, _ uint32, _ string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.answers = append(o.answers, answered{endpoint, status, bytes, took})
	}
}

// take returns what was measured since the last call.
func (o *observed) take() []answered {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.answers
	o.answers = nil
	return list
}

// ticking returns a clock that goes on by a second with each look at it.
func ticking() func() time.Time {
	now := time.Unix(1e9, 0)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestEveryAnswerIsMeasuredOnce(t *testing.T) {
	o := new(observed)
	api := newAPI(t, func(p *httpapi.Options) { p.Observer, p.Now = o, ticking() })
	known := maps.Clone(o.endpoints)
	const none = " " + httpapi.NoRoute
	for _, c := range []struct {
		method, target, body string
		header               []string
		want                 string
		status               int
	}{
		{"GET", "/api/v1/flags/", "", nil, "GET /api/v1/flags", 200},
		{"GET", "/api/v1/flags", "", nil, "GET /api/v1/flags", 200},
		{"GET", "/api/v1/%66lags/", "", nil, "GET /api/v1/flags", 200},
		{"HEAD", "/api/v1/flags/", "", nil, "HEAD /api/v1/flags", 200},
		{"GET", "/api/v1/flags/", "", []string{"If-None-Match: *"}, "GET /api/v1/flags", 304},
		{"GET", "/api/v1/flags/", "", []string{"X-Environment-Key: wrong"}, "GET /api/v1/flags", 401},
		{"POST", "/api/v1/identities/", `[]`, nil, "POST /api/v1/identities", 422},
		{"POST", "/ofrep/v1/evaluate/flags/checkout", "", nil, "POST /ofrep/v1/evaluate/flags/:key", 200},
		{"POST", "/ofrep/v1/evaluate/flags/nothing", "", nil, "POST /ofrep/v1/evaluate/flags/:key", 404},
		{"DELETE", "/api/v1/flags/", "", nil, "_OTHER" + none, 405},
		{"GET", "/ofrep/v1/evaluate/flags/checkout", "", nil, "GET" + none, 405},
		{"GET", "/made/up", "", nil, "GET" + none, 404},
		{"BREW", "/api/v1/flags/", "", nil, "_OTHER" + none, 405},
		{"OPTIONS", "/api/v1/flags/", "", []string{"Origin: https://a.example", "Access-Control-Request-Method: GET"}, "OPTIONS" + none, 200},
	} {
		header := slices.Concat(c.header, clientHeader())
		w := ask(api, c.method, c.target, c.body, header...)
		got := o.take()
		if len(got) != 1 || got[0].endpoint != c.want || got[0].status != c.status || w.Code != c.status || got[0].took <= 0 {
			t.Errorf("%s %s: %+v, want %s with %d", c.method, c.target, got, c.want, c.status)
			continue
		}
		if want := int64(w.Body.Len()); c.method != http.MethodHead && got[0].bytes != want || c.method == http.MethodHead && got[0].bytes != 0 {
			t.Errorf("%s %s: %d bytes, want %d", c.method, c.target, got[0].bytes, want)
		}
	}
	if !maps.Equal(known, o.endpoints) {
		t.Errorf("requests added endpoints: %v", o.endpoints)
	}
}

// clocked is a ResponseWriter that shares the clock.
type clocked struct {
	http.ResponseWriter
	arrived  time.Time
	answered []time.Time
}

func (c *clocked) Arrived() time.Time    { return c.arrived }
func (c *clocked) Answered(at time.Time) { c.answered = append(c.answered, at) }

// Time counts from the arrival. The access log, the measures and the server get it with one
// look at the clock.
func TestTheClockIsReadOnce(t *testing.T) {
	o := new(observed)
	clock, looks := ticking(), 0
	var records []httpapi.AccessRecord
	api := newAPI(t, func(p *httpapi.Options) {
		p.Observer = o
		p.Access = func(r httpapi.AccessRecord) { records = append(records, r) }
		p.Now = func() time.Time { looks++; return clock() }
	})
	w := &clocked{ResponseWriter: newSink(), arrived: clock().Add(-time.Minute)}
	api.ServeHTTP(w, request("GET", "/proxy/health/liveness", ""))
	const want = time.Minute + time.Second
	if got := o.take(); len(got) != 1 || got[0].took != want || looks != 1 {
		t.Errorf("%+v with %d looks at the clock, want a minute and a second with one", got, looks)
	}
	if len(records) != 1 || records[0].Duration != want || !records[0].Start.Equal(w.arrived) {
		t.Errorf("the access log has %+v", records)
	}
	if len(w.answered) != 1 || w.answered[0].Sub(w.arrived) != want {
		t.Errorf("the server has %v", w.answered)
	}
}

// panicking is a query whose snapshot cannot be had.
type panicking struct{ app.Query }

func (panicking) Snapshot() *app.Snapshot { panic("of the test") }

func TestPanicsAreCountedAndMeasured(t *testing.T) {
	o := new(observed)
	api := newAPI(t, func(p *httpapi.Options) { p.Observer, p.Query = o, panicking{} })
	if w := ask(api, "GET", "/api/v1/flags/", "", clientHeader()...); w.Code != 500 {
		t.Fatalf("status %d", w.Code)
	}
	if got := o.take(); len(got) != 1 || got[0].status != 500 || got[0].endpoint != "GET /api/v1/flags" {
		t.Errorf("%+v", got)
	}
	if got := api.Stats().Panics; got != 1 {
		t.Errorf("%d panics, want 1", got)
	}
}

func TestRefusalsAreCountedByReason(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.MaxBodyBytes = 100 })
	const flags, identities, ofrep = "/api/v1/flags/", "/api/v1/identities/", "/ofrep/v1/evaluate/flags"
	client, awaited := "X-Environment-Key: "+clientKey, "X-Environment-Key: "+emptyKey
	long := `{"identifier":"` + strings.Repeat("a", 100) + `"}`
	want := map[string]int64{}
	for _, c := range []struct {
		method, target, body, header string
		reason                       string // "" is not counted
	}{
		{"GET", flags, "", "", "no_key"},
		{"POST", ofrep, "", "", "no_key"},
		{"GET", flags, "", "X-Environment-Key: wrong", "unknown_key"},
		{"POST", ofrep, "", "X-Environment-Key: wrong", "unknown_key"},
		{"GET", "/api/v1/environment-document", "", client, "client_key_on_server_route"},
		{"GET", flags, "", awaited, "no_document"},
		{"POST", ofrep, "", awaited, "no_document"},
		{"POST", identities, long, client, "body_too_large"},
		{"POST", identities, "{", client, "bad_body"},
		{"POST", identities, "[]", client, "bad_body"},
		{"POST", identities, "", client, "bad_body"},
		{"POST", ofrep, "{", client, "bad_body"},
		{"GET", "/nothing", "", client, ""},
		{"DELETE", flags, "", client, ""},
		{"GET", flags + "?feature=nothing", "", client, ""},
		{"GET", flags, "", client, ""},
	} {
		var header []string
		if c.header != "" {
			header = []string{c.header}
		}
		ask(api, c.method, c.target, c.body, header...)
		if c.reason != "" {
			want[c.reason]++
		}
	}
	r := request("GET", flags, "", client)
	api.ServeOverLimit(newSink(), r)
	want["overloaded"]++
	got := api.Stats().Rejected
	maps.DeleteFunc(got, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSDKsAreCountedByKnownNames(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.Observer = new(observed) })
	for _, header := range []string{
		"Flagsmith-SDK-User-Agent: flagsmith-js-sdk/9.3.1", "Flagsmith-SDK-User-Agent: flagsmith-js-sdk", "User-Agent: flagsmith-python-sdk/4.0.0",
		"User-Agent: curl/8", "User-Agent: flagsmith-js-sdk-of-mine/1", "Flagsmith-SDK-User-Agent: ", "X-Nothing: flagsmith-js-sdk/1",
	} {
		ask(api, "GET", "/api/v1/flags/", "", append(clientHeader(), header)...)
	}
	ask(api, "GET", "/api/v1/flags/", "", "Flagsmith-SDK-User-Agent: flagsmith-js-sdk/9.3.1") // refused
	got := api.Stats().SDKs
	maps.DeleteFunc(got, func(_ string, n int64) bool { return n == 0 })
	if want := map[string]int64{"flagsmith-js-sdk": 2, "flagsmith-python-sdk": 1, "other": 4}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWithoutAnObserverNoSDKIsCounted(t *testing.T) {
	api := newAPI(t, nil)
	ask(api, "GET", "/api/v1/flags/", "", clientHeader("User-Agent: flagsmith-js-sdk/1")...)
	if got := api.Stats().SDKs; len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestTheCacheCountsItsLookups(t *testing.T) {
	api := newAPI(t, withIdentitiesCache)
	for range 4 { // the second time, an identity is stored
		ask(api, "GET", "/api/v1/identities/?identifier=me", "", clientHeader()...)
	}
	s := api.Stats()
	if s.CacheHits != 2 || s.CacheMisses != 2 || s.CacheEntries != 1 || s.CacheBytes <= 0 {
		t.Errorf("%+v", s)
	}
}

// A replaced API leaves its counts to the next one.
func TestCountsOutliveAReload(t *testing.T) {
	s := httpapi.NewSwitch(newAPI(t, withIdentitiesCache))
	ask(s, "GET", "/api/v1/flags/", "")
	s.Replace(newAPI(t, nil))
	ask(s, "GET", "/api/v1/flags/", "")
	if got := s.Stats(); got.Rejected["no_key"] != 2 || got.CacheEntries != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWebhookCallsAreCounted(t *testing.T) {
	calls := 0
	api := newAPI(t, func(o *httpapi.Options) {
		o.Webhook = &httpapi.Webhook{Secret: func() string { return "secret" }, Refresh: func(*http.Request) { calls++ }}
		o.MaxBodyBytes = 10
	})
	// HMAC-SHA256 of "{}" under "secret".
	const signature = "X-Flagsmith-Signature: " + "77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13"
	ask(api, "POST", "/proxy/webhook", "{}", signature)
	ask(api, "POST", "/proxy/webhook", "{ }", signature)
	ask(api, "POST", "/proxy/webhook", "{}")
	ask(api, "POST", "/proxy/webhook", strings.Repeat("a", 11), signature)
	want := map[string]int64{"accepted": 1, "bad_signature": 2, "malformed": 1}
	if got := api.Stats().Webhooks; !maps.Equal(got, want) || calls != 1 {
		t.Errorf("%v and %d refreshes, want %v and 1", got, calls, want)
	}
}

func TestMeasuringKeepsTheAnswers(t *testing.T) {
	plain, measured := newAPI(t, nil), newAPI(t, func(o *httpapi.Options) { o.Observer, o.Usage = new(observed), counted{domain.ServedFlags: 0} })
	for _, target := range []string{"/api/v1/flags/", "/api/v1/flags", "/api/v1/identities/?identifier=a", "/health", "/nothing", "/api/v1/%66lags/"} {
		a, b := ask(plain, "GET", target, "", clientHeader()...), ask(measured, "GET", target, "", clientHeader()...)
		if a.Code != b.Code || a.Body.String() != b.Body.String() || !maps.EqualFunc(a.Header(), b.Header(), slices.Equal[[]string]) {
			t.Errorf("%s: %d %s, without metrics %d %s", target, b.Code, b.Body, a.Code, a.Body)
		}
	}
}

package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
)

var healthPaths = []string{"/proxy/health/liveness", "/proxy/health/readiness/", "/proxy/health", "/health"}

// from asks as the client at an address.
func from(h http.Handler, address, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := request(method, target, body, headers...)
	r.RemoteAddr = address
	return serve(h, r)
}

func status(t *testing.T, what string, w *httptest.ResponseRecorder, want int) {
	t.Helper()
	if w.Code != want {
		t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, want)
	}
}

func TestRateByKey(t *testing.T) {
	now := time.Now()
	api := newAPI(t, func(o *httpapi.Options) {
		o.Now = func() time.Time { return now }
		o.Limits.PerKey = limits.Rate{PerSecond: 1, Burst: 3}
		o.Limits.ExemptServerKeys = true
	})
	// All that a client-side key opens shares its quota.
	status(t, "flags", ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), 200)
	status(t, "identities", ask(api, "POST", "/api/v1/identities/", `{"identifier":"a"}`, clientHeader()...), 200)
	status(t, "OFREP", ask(api, "POST", "/ofrep/v1/evaluate/flags", "", "Authorization: Bearer "+clientKey), 200)
	w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("Origin: https://app.example")...)
	want(t, w, 429, `{"status":"too_many_requests","message":"too many requests with this key: try again after the time in Retry-After"}`)
	wantHeader(t, w, "Retry-After", "1")
	wantHeader(t, w, "RateLimit-Policy", `"key";q=3;w=3`)
	wantHeader(t, w, "RateLimit", `"key";r=0;t=1`)
	wantHeader(t, w, "Access-Control-Allow-Origin", "*")
	wantHeader(t, w, "Cache-Control", "no-store")
	if exposed := w.Header().Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "RateLimit, RateLimit-Policy") {
		t.Errorf("exposed %q", exposed)
	}
	w = ask(api, "POST", "/ofrep/v1/evaluate/flags/checkout", "", clientHeader()...)
	want(t, w, 429, `{"key":"checkout","errorCode":"GENERAL","errorDetails":"too many requests with this key: try again after the time in Retry-After"}`)
	// What nobody may be kept from, and what has another quota or none.
	preflight := ask(api, "OPTIONS", "/api/v1/flags/", "", "Origin: https://app.example", "Access-Control-Request-Method: GET")
	status(t, "preflight", preflight, 200)
	for range 10 {
		status(t, "server-side key", ask(api, "GET", "/api/v1/flags/", "", "X-Environment-Key: "+serverKey), 200)
		status(t, "unknown key", ask(api, "GET", "/api/v1/flags/", "", "X-Environment-Key: nobodys"), 401)
	}
	status(t, "liveness", ask(api, "GET", "/proxy/health/liveness", "", clientHeader()...), 200)
	now = now.Add(time.Second)
	status(t, "a second later", ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), 200)
	status(t, "and at once again", ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), 429)
}

func TestRateByServerSideKey(t *testing.T) {
	now := time.Now()
	api := newAPI(t, func(o *httpapi.Options) {
		o.Now = func() time.Time { return now }
		o.Limits.PerKey = limits.Rate{PerSecond: 2}
	})
	for _, key := range []string{serverKey, clientKey} {
		for _, want := range []int{200, 200, 429} {
			status(t, key, ask(api, "GET", "/api/v1/flags/", "", "X-Environment-Key: "+key), want)
		}
	}
}

func TestRateByAddress(t *testing.T) {
	now := time.Now()
	api := newAPI(t, func(o *httpapi.Options) {
		o.Now = func() time.Time { return now }
		o.Limits.PerAddress = limits.Rate{PerSecond: 2}
		o.TrustedPeers.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	})
	flags := func(address string, headers ...string) int {
		return from(api, address, "GET", "/api/v1/flags/", "", clientHeader(headers...)...).Code
	}
	for _, test := range []struct {
		address, forwarded string
		want               int
	}{
		{"198.51.100.1:1", "", 200}, {"198.51.100.1:2", "", 200}, {"[::ffff:198.51.100.1]:3", "", 429},
		{"198.51.100.2:1", "", 200},
		{"198.51.100.1:4", "203.0.113.9", 429}, // the peer is not trusted
		{"192.0.2.1:1", "198.51.100.1", 429},   // the peer is trusted
		{"192.0.2.1:1", "203.0.113.1, 198.51.100.1", 429},
		{"192.0.2.1:1", "203.0.113.1", 200},
		{"[2001:db8::1]:1", "", 200}, {"[2001:db8::2]:1", "", 200}, {"[2001:db8::ffff:1]:1", "", 429}, // of one /64
		{"[2001:db8:0:1::1]:1", "", 200},
		{"@", "", 200}, {"@", "", 200}, {"@", "", 200}, // a Unix socket
	} {
		var headers []string
		if test.forwarded != "" {
			headers = []string{"X-Forwarded-For: " + test.forwarded}
		}
		if got := flags(test.address, headers...); got != test.want {
			t.Errorf("%s, forwarded %q: %d, want %d", test.address, test.forwarded, got, test.want)
		}
	}
	const busy = "198.51.100.1:5"
	w := from(api, busy, "GET", "/nowhere", "")
	status(t, "a path that does not exist", w, 429)
	wantHeader(t, w, "RateLimit-Policy", `"address";q=2;w=1`)
	wantHeader(t, w, "RateLimit", `"address";r=0;t=1`)
	for _, path := range healthPaths {
		status(t, path, from(api, busy, "GET", path, ""), 200)
	}
	status(t, "preflight", from(api, busy, "OPTIONS", "/api/v1/flags/", "", "Origin: https://app.example", "Access-Control-Request-Method: GET"), 200)
}

func TestAddresses(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		o.Limits.Networks = limits.Networks{Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Deny: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}}
		o.TrustedPeers.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	})
	for _, test := range []struct {
		address, forwarded string
		want               int
	}{
		{"198.51.100.1:1", "", 200},
		{"198.51.100.7:1", "", 403},
		{"203.0.113.1:1", "", 403},
		{"203.0.113.1:1", "198.51.100.1", 403},
		{"192.0.2.1:1", "", 403},
		{"192.0.2.1:1", "198.51.100.1", 200},
		{"192.0.2.1:1", "198.51.100.1, 198.51.100.7", 403},
		{"192.0.2.1:1", "unknown", 403},
		{"@", "", 403},
	} {
		headers := clientHeader("Origin: https://app.example")
		if test.forwarded != "" {
			headers = append(headers, "X-Forwarded-For: "+test.forwarded)
		}
		w := from(api, test.address, "GET", "/api/v1/flags/", "", headers...)
		status(t, test.address+" "+test.forwarded, w, test.want)
		wantHeader(t, w, "Access-Control-Allow-Origin", "*")
	}
	w := from(api, "203.0.113.1:1", "POST", "/ofrep/v1/evaluate/flags", "", clientHeader()...)
	want(t, w, 403, `{"errorCode":"GENERAL","errorDetails":"requests from this address are not allowed: ask the operator of the proxy to change server.allow or server.deny"}`)
	for _, path := range healthPaths {
		status(t, path, from(api, "203.0.113.1:1", "GET", path, ""), 200)
	}
}

// blocked is a ResponseWriter of a client that takes its answer once it may.
type blocked struct {
	*httptest.ResponseRecorder
	writing chan<- bool
	may     <-chan bool
}

func (b blocked) Write(p []byte) (int, error) {
	b.writing <- true
	<-b.may
	return b.ResponseRecorder.Write(p)
}

func TestConcurrentDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(o *httpapi.Options) { o.Limits.MaxDocuments = 2 })
		writing, may := make(chan bool), make(chan bool)
		key := "X-Environment-Key: " + serverKey
		var slow sync.WaitGroup
		for range 2 {
			slow.Go(func() {
				w := blocked{httptest.NewRecorder(), writing, may}
				api.ServeHTTP(w, request("GET", "/api/v1/environment-document/", "", key))
				if w.Body.String() != document {
					t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
				}
			})
			<-writing
		}
		began := time.Now()
		for _, target := range []string{"/api/v1/environment-document/", "/api/v1/environment-document/?page_size=1"} {
			w := ask(api, "GET", target, "", key, "Origin: https://app.example")
			want(t, w, 503, `{"status":"unavailable","message":"too many environment documents are being sent: try again"}`)
			if after, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || after < 1 || after > 5 {
				t.Errorf("Retry-After: %q", w.Header().Get("Retry-After"))
			}
			wantHeader(t, w, "Access-Control-Allow-Origin", "*")
			wantHeader(t, w, "ETag", "")
			wantHeader(t, w, "Cache-Control", "no-store")
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("waited %v for two answers", took)
		}
		status(t, "an answer without a body", ask(api, "GET", "/api/v1/environment-document/", "", key, "If-None-Match: *"), 304)
		status(t, "a smaller answer", ask(api, "GET", "/api/v1/flags/", "", key), 200)
		slow.Go(func() { status(t, "one that waits", ask(api, "GET", "/api/v1/environment-document/", "", key), 200) })
		<-time.After(900 * time.Millisecond)
		may <- true
		may <- true
		slow.Wait()
	})
}

// Clients that are refused at once are not asked to come back all at once.
func TestRetryOfDocumentsIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(o *httpapi.Options) { o.Limits.MaxDocuments = 1 })
		writing, may := make(chan bool), make(chan bool)
		key := "X-Environment-Key: " + serverKey
		go api.ServeHTTP(blocked{httptest.NewRecorder(), writing, may}, request("GET", "/api/v1/environment-document/", "", key))
		<-writing
		seen := map[string]bool{}
		for range 100 {
			seen[ask(api, "GET", "/api/v1/environment-document/", "", key).Header().Get("Retry-After")] = true
		}
		if len(seen) != 5 {
			t.Errorf("Retry-After was one of %v", seen)
		}
		may <- true
	})
}

func TestRefusalsAreCountedAndLogged(t *testing.T) {
	now := time.Now()
	var log bytes.Buffer
	fresh := func(perKey int) *httpapi.API {
		return newAPI(t, func(o *httpapi.Options) {
			o.Now = func() time.Time { return now }
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			o.Limits.PerKey = limits.Rate{PerSecond: perKey, Burst: 1}
			o.Limits.Networks.Deny = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		})
	}
	handler := httpapi.NewSwitch(fresh(1))
	flags := func() int { return ask(handler, "GET", "/api/v1/flags/", "", clientHeader()...).Code }
	for range 3 {
		flags()
		from(handler, "198.51.100.1:1", "GET", "/api/v1/flags/", "")
	}
	handler.Replace(fresh(1)) // with the same limit: the quota is still used up
	if got := flags(); got != 429 {
		t.Errorf("after a reload: %d", got)
	}
	if got := handler.Stats().Rejected; got["rate_limited"] != 3 || got["address"] != 3 {
		t.Errorf("counted %v, want 3 of each", got)
	}
	if got := strings.Count(log.String(), "requests_refused"); got != 2 {
		t.Errorf("logged %d lines in a minute\n%s", got, &log)
	}
	now = now.Add(time.Minute)
	flags()
	flags()
	if got := log.String(); !strings.Contains(got, "reason=rate_limited refused=3") || strings.Contains(got, "198.51.100") || strings.Contains(got, serverKey) {
		t.Errorf("logged %s", got)
	}
	now = now.Add(-time.Hour) // the clock is set back
	if flags(); strings.Count(log.String(), "reason=rate_limited") != 3 {
		t.Errorf("nothing is logged after the clock was set back\n%s", &log)
	}
	handler.Replace(fresh(1000)) // another limit, with a quota of its own
	if got := flags(); got != 200 {
		t.Errorf("with another limit: %d", got)
	}
	if got := handler.Stats().Rejected["rate_limited"]; got != 5 {
		t.Errorf("counted %d", got)
	}
}

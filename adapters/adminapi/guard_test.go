package adminapi_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
)

// What each kind of route answers, by where the listener is and what the request has.
func TestWhoMayAskWhat(t *testing.T) {
	const bearer, basic, wrong = "Bearer " + token, "Basic dXNlcjphLXRva2VuLW9mLW9wZXJhdG9ycw==", "Bearer a-token-of-operator"
	tests := []struct {
		name     string
		loopback bool
		token    string
		sent     string // Authorization
		// what probes, pages and actions are answered with
		probe, page, action int
	}{
		{"loopback, no token", true, "", "", 200, 200, 401},
		{"loopback, no token, one is sent", true, "", "Bearer ", 200, 200, 401},
		{"loopback, token", true, token, "", 200, 200, 401},
		{"loopback, token is sent", true, token, bearer, 200, 200, 200},
		{"loopback, wrong token", true, token, wrong, 200, 200, 401},
		{"loopback, password", true, token, basic, 200, 200, 401},
		{"network, no token", false, "", "", 200, 403, 401},
		{"network, no token, empty one is sent", false, "", "Bearer ", 200, 403, 401},
		{"network, no token, empty password", false, "", "Basic Og==", 200, 403, 401},
		{"network, token", false, token, "", 200, 401, 401},
		{"network, token is sent", false, token, bearer, 200, 200, 200},
		{"network, lower case", false, token, "bearer " + token, 200, 200, 200},
		{"network, wrong token", false, token, wrong, 200, 401, 401},
		{"network, password", false, token, basic, 200, 200, 401},
		{"network, not a scheme", false, token, token, 200, 401, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, newProxy("shop"), func(o *adminapi.Options) {
				o.Loopback, o.Policy = tt.loopback, func() adminapi.Policy { return adminapi.Policy{Token: tt.token, Profiles: true} }
				o.Configuration = func() adminapi.Configuration { return adminapi.Configuration{Hash: "h"} }
				o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
				o.Actions = []adminapi.Action{{Pattern: "POST /act", Name: "act", Do: func(context.Context, *adminapi.Call) (any, error) { return "done", nil }}}
			})
			var headers []string
			if tt.sent != "" {
				headers = []string{"Authorization", tt.sent}
			}
			for _, probe := range []string{"/healthz", "/readyz", "/readyz?verbose", "/readyz/shop", "/metrics"} {
				if got := a.get(probe, headers...); got.status != tt.probe {
					t.Errorf("%s: %d %s", probe, got.status, got.body)
				}
			}
			for _, page := range []string{"/", "/status", "/status.json", "/environments/shop", "/environments/shop/document", "/events", "/config", "/version", "/debug/pprof/"} {
				got := a.get(page, headers...)
				if got.status != tt.page {
					t.Errorf("%s: %d %s", page, got.status, got.body)
				}
				if got.status == 401 && len(got.header["Www-Authenticate"]) != 2 {
					t.Errorf("%s does not say how to authenticate: %v", page, got.header)
				}
			}
			if got := a.do("POST", "/act", "", headers...); got.status != tt.action {
				t.Errorf("action: %d %s", got.status, got.body)
			}
		})
	}
}

// A web page that somebody else controls must not reach the listener through a browser.
func TestForeignWebPages(t *testing.T) {
	tests := []struct {
		name    string
		network bool
		want    int
		headers []string
	}{
		{"name", false, 200, []string{"Host", "localhost:8001"}},
		{"name with a dot at the end", false, 200, []string{"Host", "LocalHost.:8001"}},
		{"name without a port", false, 200, []string{"Host", "localhost"}},
		{"address", false, 200, []string{"Host", "127.0.0.1:8001"}},
		{"other loopback address", false, 200, []string{"Host", "127.9.9.9"}},
		{"IPv6", false, 200, []string{"Host", "[::1]:8001"}},
		{"IPv6 without a port", false, 200, []string{"Host", "[::1]"}},
		{"configured name", false, 200, []string{"Host", "admin.internal:8001"}},
		{"foreign name", false, 403, []string{"Host", "evil.example"}},
		{"name that looks alike", false, 403, []string{"Host", "localhost.evil.example"}},
		{"name of an address that is rebound", false, 403, []string{"Host", "127.0.0.1.evil.example:8001"}},
		{"other address", false, 403, []string{"Host", "192.0.2.1:8001"}},
		{"no name", false, 403, []string{"Host", ""}},
		{"own origin", false, 200, []string{"Origin", "http://localhost:8001"}},
		{"foreign origin", false, 403, []string{"Origin", "https://evil.example"}},
		{"other port", false, 403, []string{"Origin", "http://localhost:3000"}},
		{"no origin", false, 403, []string{"Origin", "null"}},
		{"two origins", false, 403, []string{"Origin", "http://localhost:8001", "Origin", "https://evil.example"}},
		{"unreadable origin", false, 403, []string{"Origin", "http://%zz"}},
		{"name of a service", true, 200, []string{"Host", "edge-proxy.shop.svc:8001"}},
		{"foreign origin in a network", true, 403, []string{"Origin", "https://evil.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, newProxy("shop"), func(o *adminapi.Options) { o.Loopback, o.Host = !tt.network, "admin.internal" })
			for _, path := range []string{"/healthz", "/readyz", "/version", "/status.json"} {
				if got := a.get(path, append(tt.headers, "Authorization", "Bearer "+token)...); got.status != tt.want {
					t.Errorf("%s: %d %s", path, got.status, got.body)
				}
			}
		})
	}
	t.Run("form of another site", func(t *testing.T) {
		a := serve(t, newProxy("shop"), withAction)
		a.do("POST", "/act", "", "Authorization", "Bearer "+token, "Sec-Fetch-Site", "cross-site").want(t, 403, "other web pages")
		a.do("POST", "/act", "", "Authorization", "Bearer "+token, "Sec-Fetch-Site", "same-origin").want(t, 200)
	})
}

func TestPagesThatThereAreNot(t *testing.T) {
	a := serve(t, newProxy("shop"))
	for _, path := range []string{"/nothing", "/metrics", "/status.json/", "/environments/shop/nothing", "//", "/./status"} {
		a.get(path).want(t, 404, "no such page")
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	a := serve(t, newProxy("shop"))
	for _, path := range []string{"/", "/status.json", "/nothing", "/environments/nothing"} {
		h := a.get(path).header
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if h.Get("Content-Security-Policy") == "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

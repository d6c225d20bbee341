package httpapi_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestCORS(t *testing.T) {
	const origin = "https://www.example.com"
	for _, test := range []struct {
		name                            string
		allowed, headers                []string
		allowOrigin, credentials, varyO string
	}{
		{"same origin", []string{"*"}, nil, "", "", ""},
		{"any", []string{"*"}, []string{"Origin: " + origin}, "*", "true", ""},
		{"any, among others", []string{"https://a.test", "*"}, []string{"Origin: " + origin}, "*", "true", ""},
		{"any, with a cookie", []string{"*"}, []string{"Origin: " + origin, "Cookie: a=b"}, origin, "true", "Origin"},
		{"listed", []string{"https://a.test", origin}, []string{"Origin: " + origin}, origin, "true", "Origin"},
		{"foreign", []string{"https://a.test"}, []string{"Origin: " + origin}, "", "true", "Origin"},
		{"foreign, with a cookie", []string{"https://a.test"}, []string{"Origin: " + origin, "Cookie: a=b"}, "", "true", "Origin"},
		{"case counts", []string{"https://WWW.example.com"}, []string{"Origin: " + origin}, "", "true", "Origin"},
		{"none", nil, []string{"Origin: " + origin}, "", "true", "Origin"},
		// A cache must not give an answer without the header to a listed origin.
		{"listed, same origin", []string{origin}, nil, "", "", "Origin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPI(t, func(o *httpapi.Options) { o.AllowOrigins = test.allowed })
			for target, status := range map[string]int{"/api/v1/flags/": 200, "/api/v1/flags/?feature=x": 404, "/nope": 404, "/api/v1/identities": 422} {
				w := ask(api, "GET", target, "", append(test.headers, clientHeader()...)...)
				if w.Code != status {
					t.Errorf("%s: %d", target, w.Code)
				}
				wantHeader(t, w, "Access-Control-Allow-Origin", test.allowOrigin)
				wantHeader(t, w, "Access-Control-Allow-Credentials", test.credentials)
				wantHeader(t, w, "Vary", test.varyO)
				exposed := ""
				if test.credentials != "" {
					exposed = "X-Flagsmith-Document-Updated-At, ETag, Retry-After, RateLimit, RateLimit-Policy"
				}
				wantHeader(t, w, "Access-Control-Expose-Headers", exposed)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	const origin = "https://www.example.com"
	for _, test := range []struct {
		name            string
		allowed         []string
		method, headers string
		status          int
		text            string
	}{
		{"any", []string{"*"}, "POST", "content-type,x-environment-key", 200, "OK"},
		{"listed", []string{origin}, "POST", "X-Whatever", 200, "OK"},
		{"no headers asked for", []string{"*"}, "DELETE", "", 200, "OK"},
		{"foreign", []string{"https://a.test"}, "POST", "", 400, "Disallowed CORS origin"},
		{"unknown method", []string{"*"}, "BREW", "", 400, "Disallowed CORS method"},
		{"neither", nil, "BREW", "", 400, "Disallowed CORS origin, method"},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPI(t, func(o *httpapi.Options) { o.AllowOrigins = test.allowed })
			for _, path := range []string{"/api/v1/identities/", "/api/v1/flags", "/nope"} {
				headers := []string{"Origin: " + origin, "Access-Control-Request-Method: " + test.method}
				if test.headers != "" {
					headers = append(headers, "Access-Control-Request-Headers: "+test.headers)
				}
				w := ask(api, "OPTIONS", path, "", headers...)
				if w.Code != test.status || w.Body.String() != test.text {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				allowOrigin := origin
				if test.status != 200 && test.text != "Disallowed CORS method" {
					allowOrigin = ""
				}
				wantHeader(t, w, "Access-Control-Allow-Origin", allowOrigin)
				wantHeader(t, w, "Access-Control-Allow-Headers", test.headers)
				wantHeader(t, w, "Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
				wantHeader(t, w, "Access-Control-Max-Age", "600")
				wantHeader(t, w, "Access-Control-Allow-Credentials", "true")
				wantHeader(t, w, "Vary", "Origin")
				wantHeader(t, w, "Content-Type", "text/plain; charset=utf-8")
			}
		})
	}
}

func TestOptionsThatAreNoPreflight(t *testing.T) {
	api := newAPI(t, nil)
	for _, headers := range [][]string{nil, {"Origin: https://a.test"}, {"Access-Control-Request-Method: POST"}} {
		want(t, ask(api, "OPTIONS", "/api/v1/flags/", "", headers...), 405, `{"detail":"Method Not Allowed"}`)
	}
}

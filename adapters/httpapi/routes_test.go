package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestEveryPathAnswersInBothFormsAndToHEAD(t *testing.T) {
	api := newAPI(t, nil)
	for _, path := range []string{"/api/v1/flags", "/api/v1/identities", "/api/v1/environment-document",
		"/proxy/health/liveness", "/proxy/health/readiness", "/proxy/health", "/health"} {
		for _, form := range []string{path, path + "/"} {
			target := form
			if path == "/api/v1/identities" {
				target += "?identifier=x"
			}
			get := ask(api, "GET", target, "", "X-Environment-Key: "+serverKey)
			if get.Code != http.StatusOK {
				t.Errorf("GET %s: %d %s", form, get.Code, get.Body)
			}
			head := ask(api, "HEAD", target, "", "X-Environment-Key: "+serverKey)
			if head.Code != get.Code || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
				t.Errorf("HEAD %s: %d with headers %v, GET had %v", form, head.Code, head.Header(), get.Header())
			}
		}
	}
}

func TestUnknownPathsAreNeitherFoundNorRedirected(t *testing.T) {
	api := newAPI(t, nil)
	for _, path := range []string{"/", "/nope", "/api", "/api/v1", "/api/v1/nope/", "/api/v1/flags/x", "/api/v1/flags//", "//api/v1/flags", "/api//v1/flags/",
		"/api/v1/./flags", "/api/v1/x/../flags", "/api/v1/flags/..", "/API/V1/FLAGS", "/api/v1/flags%00", "/api/v1/x/%2e%2e/flags", "/%", "/api/v1/fl%"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "BREW"} {
			r := request(method, "/", "", clientHeader()...)
			r.URL.Path, r.URL.RawPath = path, ""
			if plain, escaped, ok := unescaped(path); ok {
				r.URL.Path, r.URL.RawPath = plain, escaped
			}
			w := serve(api, r)
			want(t, w, http.StatusNotFound, `{"detail":"Not Found"}`)
			if link := w.Header().Get("Link"); !strings.HasSuffix(link, `/docs/http-api.md>; rel="help"`) {
				t.Errorf("%s %s: Link %q", method, path, link)
			}
		}
	}
	// bunrouter panics where a NUL comes after a route.
	for _, path := range []string{"/%00", "/health%00", "/api/v1/flags/%00", "/api/v1/flags/%00/x", "/sse/environments/" + clientKey + "/stream/%00"} {
		want(t, ask(api, "GET", path, "", clientHeader()...), http.StatusNotFound, `{"detail":"Not Found"}`)
	}
	want(t, ask(api, "POST", "/ofrep/v1/evaluate/flags/%00", "", clientHeader()...), http.StatusNotFound,
		`{"key":"\u0000","errorCode":"GENERAL","errorDetails":"Not Found"}`)
	for _, path := range []string{"", "*", "api/v1/flags"} {
		r := request("OPTIONS", "/", "")
		r.URL.Path = path
		want(t, serve(api, r), http.StatusNotFound, `{"detail":"Not Found"}`)
	}
}

func TestPathsMayBeEscapedMoreThanNeedBe(t *testing.T) {
	want(t, ask(newAPI(t, nil), "GET", "/api/v1/%66lags%2F?feature=checkout", "", clientHeader()...), http.StatusOK, plain(checkout))
}

func TestWrongMethodsAreToldTheRightOnes(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.Announcements = new(announcements) })
	for _, test := range []struct{ method, path, allow string }{
		{"POST", "/api/v1/flags/", "GET, HEAD"},
		{"OPTIONS", "/api/v1/flags", "GET, HEAD"},
		{"DELETE", "/api/v1/identities", "GET, HEAD, POST"},
		{"PUT", "/api/v1/identities/", "GET, HEAD, POST"},
		{"BREW", "/health", "GET, HEAD"},
		{"POST", streamPath, "GET, HEAD"},
		{"TRACE", streamPath, "GET, HEAD"},
		{"BREW", streamPath + "/", "GET, HEAD"},
		{"BREW", "/sse/environments/%63lient/stream", "GET, HEAD"},
	} {
		w := ask(api, test.method, test.path, "", clientHeader()...)
		want(t, w, http.StatusMethodNotAllowed, `{"detail":"Method Not Allowed"}`)
		wantHeader(t, w, "Allow", test.allow)
	}
}

// unescaped splits a path with escapes into what net/url makes of it.
func unescaped(path string) (plain, escaped string, ok bool) {
	replacer := strings.NewReplacer("%00", "\x00", "%2e", ".")
	plain = replacer.Replace(path)
	return plain, path, plain != path
}

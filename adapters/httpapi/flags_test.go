package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestFlags(t *testing.T) {
	api := newAPI(t, nil)
	for _, test := range []struct {
		name, query, key string
		status           int
		body             string
	}{
		{"client-side", "", clientKey, 200, "[" + checkout + "," + cafe + "]"},
		{"server-side", "", serverKey, 200, "[" + strings.Join([]string{checkout, cafe, serverOnly, off}, ",") + "]"},
		{"empty feature", "?feature=", clientKey, 200, "[" + checkout + "," + cafe + "]"},
		{"feature without a value", "?feature", clientKey, 200, "[" + checkout + "," + cafe + "]"},
		{"one feature", "?feature=checkout", clientKey, 200, checkout},
		{"the last counts", "?feature=nope&feature=checkout", clientKey, 200, checkout},
		{"the last counts, empty", "?feature=checkout&feature=", clientKey, 200, "[" + checkout + "," + cafe + "]"},
		{"escapes", "?feature=caf%C3%A9%20%26+%3Cb%3E", clientKey, 200, cafe},
		{"escaped name", "?f%65ature=checkout", clientKey, 200, checkout},
		{"a semicolon does not separate", "?x=1;feature=checkout", clientKey, 200, "[" + checkout + "," + cafe + "]"},
		{"unknown", "?feature=it%27s", clientKey, 404, `{"status":"not_found","message":"feature 'it's' not found"}`},
		{"wrong escapes stay", "?feature=%zz%4", clientKey, 404, `{"status":"not_found","message":"feature '%zz%4' not found"}`},
		{"broken UTF-8", "?feature=a%E2%82b%ff%C3", clientKey, 404, `{"status":"not_found","message":"feature 'a` + "\uFFFDb\uFFFD\uFFFD" + `' not found"}`},
		{"server-only, client-side", "?feature=server_only", clientKey, 404, `{"status":"not_found","message":"feature 'server_only' not found"}`},
		{"server-only, server-side", "?feature=server_only", serverKey, 200, serverOnly},
		{"disabled, client-side", "?feature=off", clientKey, 404, `{"status":"not_found","message":"feature 'off' not found"}`},
		{"disabled, server-side", "?feature=off", serverKey, 200, off},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(api, "GET", "/api/v1/flags/"+test.query, "", "X-Environment-Key: "+test.key)
			want(t, w, test.status, plain(test.body))
			if test.status == http.StatusOK {
				wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1772600767.891011")
			}
		})
	}
}

func TestEnvironmentWithoutFlags(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		o.Query.(*query).serve(environment(t, clientKey, `{"api_key":"client","name":"","project":{"segments":[]},"feature_states":[],"updated_at":"2026-01-02T03:04:05Z"}`))
	})
	w := ask(api, "GET", "/api/v1/flags/", "", clientHeader()...)
	want(t, w, 200, "[]")
	wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1767323045.0")
	want(t, ask(api, "GET", "/api/v1/identities/?identifier=", "", clientHeader()...), 200, `{"identifier":"","traits":[],"flags":[]}`)
}

func TestDocumentWithoutATime(t *testing.T) {
	e := environment(t, clientKey, document)
	e.UpdatedAt = time.Time{}
	e.Presentation = new(httpapi.Presenter).Present(e)
	api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(e) })
	wantHeader(t, ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), "X-Flagsmith-Document-Updated-At", "")
}

func TestKeys(t *testing.T) {
	api := newAPI(t, nil)
	const unavailable = `{"status":"unavailable","message":"environment document has not arrived yet"}`
	paths := []string{"/api/v1/flags/", "/api/v1/flags/?feature=nope", "/api/v1/identities/?identifier=x", "/api/v1/environment-document"}
	for _, test := range []struct {
		name    string
		headers []string
		status  int
		body    string
	}{
		{"absent", nil, 401, `{"status":"unauthorized","message":"missing X-Environment-Key header"}`},
		{"empty", []string{"X-Environment-Key:"}, 401, `{"status":"unauthorized","message":"unknown key ''"}`},
		{"unknown", []string{`X-Environment-Key: no"pe`}, 401, `{"status":"unauthorized","message":"unknown key 'no\"pe'"}`},
		{"unknown server-side", []string{"X-Environment-Key: ser.nope"}, 401, `{"status":"unauthorized","message":"unknown key 'ser.nope'"}`},
		{"the first counts", []string{"X-Environment-Key: nope", "X-Environment-Key: " + serverKey}, 401, `{"status":"unauthorized","message":"unknown key 'nope'"}`},
		{"document not there", []string{"X-Environment-Key: " + emptySer}, 503, unavailable},
	} {
		for _, path := range paths {
			w := ask(api, "GET", path, "", test.headers...)
			want(t, w, test.status, plain(test.body))
			if wait := w.Header().Get("Retry-After"); (wait != "") != (test.status == 503) {
				t.Errorf("%s, %s: Retry-After %q", test.name, path, wait)
			}
		}
	}
	want(t, ask(api, "GET", "/api/v1/flags/", "", "X-Environment-Key: "+emptyKey), 503, unavailable)
}

// TestKeysBeforeTheFirstList: a key that may still become known is not refused, because
// SDKs stop asking after a 401.
func TestKeysBeforeTheFirstList(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		o.Announcements = new(announcements)
		q := o.Query.(*query)
		q.snapshot.Store(q.Snapshot().Incomplete())
	})
	const notListed = `{"status":"unavailable","message":"the list of environments has not arrived yet"}`
	for _, path := range []string{"/api/v1/flags/", "/api/v1/identities/?identifier=x", "/api/v1/environment-document"} {
		w := ask(api, "GET", path, "", "X-Environment-Key: ser.maybe")
		want(t, w, 503, notListed)
		wantHeader(t, w, "Retry-After", "1")
		want(t, ask(api, "GET", path, ""), 401, `{"status":"unauthorized","message":"missing X-Environment-Key header"}`)
		want(t, ask(api, "GET", path, "", "X-Environment-Key:"), 401, `{"status":"unauthorized","message":"unknown key ''"}`)
		if w := ask(api, "GET", path, "", "X-Environment-Key: "+serverKey); w.Code != 200 {
			t.Errorf("GET %s with a configured key: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(api, "POST", ofrepFlags, "{}", "X-API-Key: maybe"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("OFREP: %d %s", w.Code, w.Body)
	}
	if w := ask(api, "GET", "/sse/environments/maybe/stream", ""); w.Code != 503 {
		t.Errorf("a stream: %d %s", w.Code, w.Body)
	}
}

func TestDocument(t *testing.T) {
	api := newAPI(t, nil)
	w := ask(api, "GET", "/api/v1/environment-document", "", "X-Environment-Key: "+serverKey)
	want(t, w, 200, document)
	wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1772600767.891011")
	for _, key := range []string{clientKey, emptyKey} {
		want(t, ask(api, "GET", "/api/v1/environment-document/", "", "X-Environment-Key: "+key), 401,
			`{"status":"unauthorized","message":"environment document requires a server-side key"}`)
	}
}

// Prepared answers are those of the environment they were prepared for, one after
// the other.
func TestANewDocumentIsServedAtOnce(t *testing.T) {
	var q *query
	api := newAPI(t, func(o *httpapi.Options) { q = o.Query.(*query) })
	want(t, ask(api, "GET", "/api/v1/flags/?feature=checkout", "", clientHeader()...), 200, plain(checkout))
	q.serve(environment(t, clientKey, strings.Replace(document, `"classic"`, `"new"`, 1)))
	want(t, ask(api, "GET", "/api/v1/flags/?feature=checkout", "", clientHeader()...), 200, plain(strings.Replace(checkout, `"classic"`, `"new"`, 1)))
}

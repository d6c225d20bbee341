package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

const (
	clientKey = "client"
	serverKey = "ser.secret-0123456789"
	emptyKey  = "awaited"     // its document has not arrived
	emptySer  = "ser.awaited" // opens the same
)

// document is a small environment: a plain flag, one for server-side keys only,
// one that is disabled, and a segment. Its white space must come back as it is.
const document = `{ "id": 1, "api_key": "client", "name": "Test", "updated_at": "2026-03-04T05:06:07.891011+00:00",
 "hide_disabled_flags": true,
 "project": {"id": 1, "server_key_only_feature_ids": [3], "segments": [
  {"id": 1, "name": "premium", "rules": [{"type": "ALL", "rules": [], "conditions": [
    {"operator": "EQUAL", "property_": "plan", "value": "premium"}]}],
   "feature_states": [{"django_id": 11, "feature": {"id": 1, "name": "checkout", "type": "STANDARD"}, "enabled": true,
     "feature_state_value": "express", "feature_segment": {"priority": 0}, "multivariate_feature_state_values": []}]}]},
 "feature_states": [
  {"django_id": 1, "feature": {"id": 1, "name": "checkout", "type": "STANDARD"}, "enabled": true, "feature_state_value": "classic", "multivariate_feature_state_values": []},
  {"django_id": 2, "feature": {"id": 2, "name": "café & <b>", "type": "STANDARD"}, "enabled": true, "feature_state_value": 1.50, "multivariate_feature_state_values": []},
  {"django_id": 3, "feature": {"id": 3, "name": "server_only", "type": "STANDARD"}, "enabled": true, "feature_state_value": null, "multivariate_feature_state_values": []},
  {"django_id": 4, "feature": {"id": 4, "name": "off"}, "enabled": false, "feature_state_value": "", "multivariate_feature_state_values": []}
 ],
 "identity_overrides": [{"identifier": "chosen", "identity_features": [
  {"feature": {"id": 1, "name": "checkout", "type": "STANDARD"}, "enabled": false, "feature_state_value": "old"}]}]
}`

// The flags of document.
const (
	checkout   = `{"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"classic","variant":null,"reason":"DEFAULT"}`
	express    = `{"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"express","variant":null,"reason":"TARGETING_MATCH; segment=premium"}`
	overridden = `{"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":false,"feature_state_value":"old","variant":null,"reason":"TARGETING_MATCH; segment=identity_overrides"}`
	cafe       = `{"feature":{"id":2,"name":"café & <b>","type":"STANDARD"},"enabled":true,"feature_state_value":1.50,"variant":null,"reason":"STATIC"}`
	serverOnly = `{"feature":{"id":3,"name":"server_only","type":"STANDARD"},"enabled":true,"feature_state_value":null,"variant":null,"reason":"STATIC"}`
	off        = `{"feature":{"id":4,"name":"off","type":"STANDARD"},"enabled":false,"feature_state_value":"","variant":null,"reason":"STATIC"}`
)

// query answers from one snapshot, which tests may swap.
type query struct {
	snapshot  atomic.Pointer[app.Snapshot]
	readiness app.Readiness
}

func (q *query) Snapshot() *app.Snapshot  { return q.snapshot.Load() }
func (q *query) Readiness() app.Readiness { return q.readiness }

// environment compiles and prepares a document for serving.
func environment(tb testing.TB, key domain.EnvironmentKey, text string) *app.Environment {
	tb.Helper()
	e, problems := environmentWithProblems(tb, key, text)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return e
}

func environmentWithProblems(tb testing.TB, key domain.EnvironmentKey, text string) (*app.Environment, []domain.Problem) {
	tb.Helper()
	parsed, problems, err := domain.ParseEnvironment(text)
	if err != nil {
		tb.Fatal(err)
	}
	program, more := engine.Compile(parsed)
	e := &app.Environment{Key: key, Body: []byte(text), UpdatedAt: parsed.UpdatedAt, Digest: sha256.Sum256([]byte(text)), Program: program, Serving: parsed.Serving}
	e.Presentation = new(httpapi.Presenter).Present(e)
	return e, append(problems, more...)
}

// serve makes q answer from the given environments and an awaited one.
func (q *query) serve(environments ...*app.Environment) {
	keys := []domain.EnvironmentKeys{{Client: emptyKey, Server: []domain.Credential{credential(emptySer)}}}
	byKey := make(map[domain.EnvironmentKey]*app.Environment)
	for _, e := range environments {
		keys = append(keys, domain.EnvironmentKeys{Client: e.Key, Server: []domain.Credential{credential(serverKeyOf(e.Key))}})
		byKey[e.Key] = e
	}
	q.snapshot.Store(app.NewSnapshot(domain.NewKeyRing(keys), byKey, time.Now))
}

func serverKeyOf(key domain.EnvironmentKey) string {
	if key == clientKey {
		return serverKey
	}
	return "ser." + string(key)
}

// plain returns flags as answers without an identity have them.
func plain(flags string) string { return strings.ReplaceAll(flags, `"variant":null,`, "") }

func credential(key string) domain.Credential {
	return domain.NewCredential(domain.NewServerKey(key), time.Time{})
}

// newAPI returns an API that serves document, with options changed as wanted.
func newAPI(tb testing.TB, change func(*httpapi.Options)) *httpapi.API {
	tb.Helper()
	q := new(query)
	q.serve(environment(tb, clientKey, document))
	o := httpapi.Options{Query: q, AllowOrigins: []string{"*"}}
	if change != nil {
		change(&o)
	}
	api, err := httpapi.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return api
}

// request makes a request; headers are "Name: value" lines.
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

// ask answers one request in process.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(method, target, body, headers...))
	return w
}

func clientHeader(more ...string) []string {
	return append([]string{"X-Environment-Key: " + clientKey}, more...)
}

// want checks status, content type, length and body of an answer in JSON.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, status, body)
	}
	wantHeader(t, w, "Content-Type", "application/json")
	if got := w.Header().Get("Content-Length"); got == "" {
		t.Error("no Content-Length")
	}
}

func wantHeader(t *testing.T, w *httptest.ResponseRecorder, name, value string) {
	t.Helper()
	if got := strings.Join(w.Header().Values(name), " | "); got != value {
		t.Errorf("%s is %q, want %q", name, got, value)
	}
}

func gunzip(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// serve answers a request that was made by hand.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

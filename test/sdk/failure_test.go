//go:build sdk

package sdk_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// testRefusals: what the proxy refuses is an error of the SDK's, and never flags.
func testRefusals(t *testing.T, w *world, p *program) {
	for _, tt := range []struct {
		about        string
		options      options
		who          *identity
		method, path string
		status       int
	}{
		{"unknown key", options{URL: w.api(), Key: "wrong_key"}, nil,
			http.MethodGet, "/api/v1/flags/", http.StatusUnauthorized},
		{"unknown path", options{URL: w.proxy.URL + "/api/v9/", Key: clientKey}, nil,
			http.MethodGet, "/api/v9/flags/", http.StatusNotFound},
		{"a list for a trait", options{URL: w.api(), Key: clientKey}, &identity{Identifier: "ada", Traits: []trait{{Key: "plan", Value: []string{"gold"}}}},
			http.MethodPost, "/api/v1/identities/", http.StatusUnprocessableEntity},
		{"a text that is too long", options{URL: w.api(), Key: clientKey}, &identity{Identifier: "ada", Traits: []trait{{Key: "plan", Value: strings.Repeat("x", 2001)}}},
			http.MethodPost, "/api/v1/identities/", http.StatusUnprocessableEntity},
	} {
		t.Run(tt.about, func(t *testing.T) {
			since := w.mark(t)
			if err := p.attempt(t, tt.options, tt.who); err == nil {
				t.Error("the SDK knows of no error")
			}
			w.waitAccess(t, since, 1, strconv.Itoa(tt.status)+" is answered", func(a access) bool {
				return a.method == tt.method && a.path == tt.path && a.status == tt.status
			})
		})
	}
}

// attempt opens a client and gets flags. Some SDKs ask when they are made, others
// when they are asked.
func (p *program) attempt(t *testing.T, o options, who *identity) error {
	t.Helper()
	if err := p.Try(t, request{Call: "open", Client: t.Name(), Options: &o}, nil); err != nil {
		return err
	}
	t.Cleanup(func() { p.Call(t, request{Call: "close", Client: t.Name()}, nil) })
	return p.Try(t, request{Call: "flags", Client: t.Name(), Identity: who}, nil)
}

// testDefaults: with defaults, an application goes on without the proxy, and
// without features that are not there.
func testDefaults(t *testing.T, w *world, p *program) {
	fallback := &flagDefault{Enabled: true, Value: "the application's own"}
	for _, tt := range []struct {
		about, key string
		want       map[string]any
	}{
		{"refused", "wrong_key", map[string]any{"max_cart_items": fallback.Value, "not_there": fallback.Value}},
		{"no such feature", clientKey, map[string]any{"max_cart_items": 100.0, "not_there": fallback.Value}},
	} {
		t.Run(tt.about, func(t *testing.T) {
			client := p.open(t, options{URL: w.api(), Key: tt.key, Default: fallback})
			var list []flag
			p.Call(t, request{Call: "flags", Client: client, Features: []string{"max_cart_items", "not_there"}}, &list)
			got := flagsOf(list)
			for name, value := range tt.want {
				if got[name] != (flag{name, true, value}) {
					t.Errorf("got %s, want the value %#v", got[name], value)
				}
			}
		})
	}
}

// testUnavailability: an environment whose document has not arrived is an error,
// which passes.
func testUnavailability(t *testing.T, w *world, p *program) {
	o := options{URL: w.api(), Key: lateClientKey}
	t.Run("before", func(t *testing.T) {
		since, began := w.mark(t), time.Now()
		if err := p.attempt(t, o, nil); err == nil {
			t.Error("the SDK knows of no error")
		}
		// An SDK may heed Retry-After, with the application waiting for it.
		if took := time.Since(began); took > patience/3 {
			t.Errorf("the application waited for %s", took)
		}
		w.waitAccess(t, since, 1, "503 is answered", answered(http.MethodGet, "flags/", http.StatusServiceUnavailable))
	})
	t.Run("after", func(t *testing.T) {
		document := strings.ReplaceAll(string(w.published(t)), clientKey, lateClientKey)
		err := w.upstream.PutEnvironment(t.Context(), fakeflagsmith.Environment{
			ClientKey: lateClientKey, ServerKeys: []string{lateServerKey}, Document: []byte(document),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.waitServed(t, lateClientKey)
		client := p.open(t, o)
		compare(t, "late environment", p.flags(t, client, nil), w.flags(t, lateClientKey, nil))
	})
}

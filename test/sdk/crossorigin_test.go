//go:build sdk

package sdk_test

import (
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// pageOrigin is the origin of the page that the JavaScript client is on.
const pageOrigin = "http://shop.example"

// testCrossOrigin: a browser asks before it lets a page of another origin ask, and
// the proxy's settings decide.
func testCrossOrigin(t *testing.T, w *world, p *program) {
	since := w.mark(t)
	client := p.open(t, options{URL: w.api(), Key: clientKey})
	p.flags(t, client, &identity{Identifier: "ada", Traits: []trait{{Key: "plan", Value: "gold"}}})
	w.waitAccess(t, since, 1, "the browser asks for flags beforehand", answered(http.MethodOptions, "flags/", http.StatusOK))
	w.waitAccess(t, since, 1, "the browser asks for identities beforehand", answered(http.MethodOptions, "identities/", http.StatusOK))

	for _, tt := range []struct {
		about, origin string
		allowed       bool
	}{
		{"its origin is listed", pageOrigin, true},
		{"another origin is listed", "https://other.example", false},
	} {
		t.Run(tt.about, func(t *testing.T) {
			proxy := harness.StartProxy(t, harness.Setup{Config: map[string]any{
				"api_url":               w.upstream.APIURL(),
				"environment_key_pairs": []map[string]any{{"server_side_key": serverKey, "client_side_key": clientKey}},
				"allow_origins":         []string{tt.origin},
			}})
			proxy.WaitReady(t)
			err := p.attempt(t, options{URL: proxy.URL + "/api/v1/", Key: clientKey}, nil)
			if allowed := err == nil; allowed != tt.allowed {
				t.Errorf("the page is allowed to ask: %t (%v)", allowed, err)
			}
		})
	}
}

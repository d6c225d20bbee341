package httpapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// holding is the state of a connection whose client has a verified certificate with these
// names.
func holding(t *testing.T, names ...string) *tls.ConnectionState {
	t.Helper()
	leaf := &x509.Certificate{}
	for _, name := range names {
		if !strings.Contains(name, ":") {
			leaf.DNSNames = append(leaf.DNSNames, name)
			continue
		}
		u, err := url.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		leaf.URIs = append(leaf.URIs, u)
	}
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
}

func TestCertificateRules(t *testing.T) {
	for _, c := range []struct {
		rule, name string
		want       bool
	}{
		{"spiffe://example.org/shop/web", "spiffe://example.org/shop/web", true},
		{"spiffe://example.org/shop/web", "spiffe://example.org/shop/web/1", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop/web/1", true},
		{"spiffe://example.org/shop/*", "spiffe://EXAMPLE.org/shop/web", true},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shop/", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/shopping/web", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org.evil/shop/web", false},
		{"spiffe://example.org/shop/*", "spiffe://example.org/blog/%2e%2e%2fshop/web", false},
		{"spiffe://example.org/shop/*", "https://example.org/shop/web", false},
		{"spiffe://example.org/*", "spiffe://example.org/any", true},
		{"spiffe://example.org/*", "spiffe://user@example.org/any", false},
		{"shop.example.org", "shop.example.org", true},
		{"Shop.example.org", "shop.EXAMPLE.org", true},
		{"shop.example.org", "a.shop.example.org", false},
		{"*.example.org", "shop.example.org", true},
		{"*.example.org", "a.shop.example.org", false},
		{"*.example.org", "example.org", false},
		{"*.example.org", "*.example.org", false},
		{"example.org", "spiffe://example.org/", false},
	} {
		api := newAPI(t, func(o *httpapi.Options) {
			o.Certificates.Rules = []httpapi.CertificateRule{{SAN: c.rule, Environments: []string{clientKey}}}
		})
		r := request(http.MethodGet, "/api/v1/flags/", "", clientHeader()...)
		r.TLS = holding(t, "first.example", c.name)
		if got := serve(api, r).Code; (got == http.StatusOK) != c.want || got != http.StatusOK && got != http.StatusForbidden {
			t.Errorf("the rule %s, a certificate of %s: %d", c.rule, c.name, got)
		}
	}
}

// Every endpoint that knows an environment admits by certificate, with either key, and the
// others do not ask for one.
func TestCertificatesGuardEveryEndpoint(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		o.Announcements = new(announcements)
		o.Certificates.Rules = []httpapi.CertificateRule{{SAN: "a.example", Environments: []string{"*"}}, {SAN: "b.example", Environments: []string{"another"}}}
	})
	unverified := holding(t, "a.example")
	unverified.VerifiedChains = nil
	for _, c := range []struct{ method, path, key string }{
		{http.MethodGet, "/api/v1/flags/", clientKey}, {http.MethodGet, "/api/v1/flags/", serverKey},
		{http.MethodGet, "/api/v1/identities/?identifier=x", clientKey}, {http.MethodPost, "/api/v1/identities/", clientKey},
		{http.MethodGet, "/api/v1/environment-document/", serverKey},
		{http.MethodPost, "/ofrep/v1/evaluate/flags", clientKey}, {http.MethodPost, "/ofrep/v1/evaluate/flags/a", clientKey},
		{http.MethodHead, streamPath, ""},
	} {
		code := func(state *tls.ConnectionState) int {
			body := ""
			if c.method == http.MethodPost {
				body = `{"identifier":"x","context":{"targetingKey":"x"}}`
			}
			r := request(c.method, c.path, body, "Content-Type: application/json", "X-Environment-Key: "+c.key)
			r.TLS = state
			return serve(api, r).Code
		}
		for who, state := range map[string]*tls.ConnectionState{"no TLS": nil, "no certificate": {}, "an unverified one": unverified, "one for others": holding(t, "b.example")} {
			if got := code(state); got != http.StatusForbidden {
				t.Errorf("%s %s with %s: %d", c.method, c.path, who, got)
			}
		}
		if got := code(holding(t, "a.example")); got == http.StatusForbidden {
			t.Errorf("%s %s is refused to the right certificate", c.method, c.path)
		}
	}
	for path, want := range map[string]int{"/proxy/health/liveness": 200, "/health": 200, "/nowhere": 404} {
		if got := serve(api, httptest.NewRequest(http.MethodGet, path, nil)).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func TestRequiredCertificate(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.Certificates.Required = true })
	r := request(http.MethodGet, "/api/v1/flags/", "", clientHeader()...)
	if got := serve(api, r); got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "a client certificate is required") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	r.TLS = holding(t, "any.example")
	if got := serve(api, r).Code; got != http.StatusOK {
		t.Errorf("with a certificate: %d", got)
	}
}

func TestWrongCertificateRules(t *testing.T) {
	for _, san := range []string{"", "*", "a..b", "a b", "*.*.example", "shop.*", "spiffe://*/shop", "spiffe://example.org/*/web", "spiffe:///shop", "spiffe://u@example.org/", "spiffe://example.org/?q", "mailto:a@b"} {
		if err := httpapi.CheckCertificateRules([]httpapi.CertificateRule{{SAN: san}}); err == nil {
			t.Errorf("%q is accepted", san)
		}
	}
}

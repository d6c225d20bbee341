package tls_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
)

const terminate = syscall.SIGTERM

// Holders of certificates get the environments that their names are tied to.
func TestClientsAreTiedToEnvironments(t *testing.T) {
	clients := certificates.NewAuthority(t, "clients")
	file := filepath.Join(t.TempDir(), "clients.crt")
	if err := os.WriteFile(file, clients.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, object{"client_ca_file": file, "client_auth": "request", "clients": []object{
		{"san": "spiffe://example.org/shop/*", "environments": []string{shopKey}},
		{"san": "ops.example.org", "environments": "*"},
	}})
	issue := func(l certificates.Leaf) []tls.Certificate { return []tls.Certificate{clients.Issue(t, l).TLS(t)} }
	for name, c := range map[string]struct {
		sends      []tls.Certificate
		shop, blog int
	}{
		"shop":    {issue(certificates.Leaf{URIs: []string{"spiffe://example.org/shop/web"}}), 200, 403},
		"ops":     {issue(certificates.Leaf{Names: []string{"ops.example.org"}}), 200, 200},
		"nobody":  {issue(certificates.Leaf{URIs: []string{"spiffe://example.org/other"}}), 403, 403},
		"without": {nil, 403, 403},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
			client := w.client(t, protocol, c.sends...)
			for key, want := range map[string]int{shopKey: c.shop, blogKey: c.blog, "unknown": 401} {
				if status, body, err := ask(client, w.secure+flags, key); status != want || err != nil {
					t.Errorf("%s asks for %s over %s: %d %q, %v, want %d", name, key, protocol, status, body, err, want)
				}
			}
			if response, err := client.Head(w.secure + "/sse/environments/" + blogKey + "/stream"); err != nil || response.StatusCode != c.blog {
				t.Errorf("%s asks for the stream over %s: %v, %v, want %d", name, protocol, response, err, c.blog)
			}
			if status, _, err := ask(client, w.secure+"/proxy/health/readiness", ""); status != http.StatusOK || err != nil {
				t.Errorf("%s asks for readiness: %d, %v", name, status, err)
			}
		}
	}
	if status, body, err := ask(w.client(t, "HTTP/1.1"), w.plain+flags, shopKey); status != http.StatusForbidden || !strings.Contains(body, "certificate is required") || err != nil {
		t.Errorf("without TLS: %d %q, %v", status, body, err)
	}
}

// With client_auth "require" there is no handshake without a certificate, and the port
// without TLS has health alone. The authorities are read again when they change.
func TestClientsNeedACertificate(t *testing.T) {
	first, second := certificates.NewAuthority(t, "first"), certificates.NewAuthority(t, "second")
	file := filepath.Join(t.TempDir(), "clients.crt")
	write := func(a *certificates.Authority) {
		if err := os.WriteFile(file, a.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first)
	w := start(t, object{"client_ca_file": file, "client_auth": "require", "min_version": "1.3"})
	own, other := first.Issue(t, certificates.Leaf{}).TLS(t), second.Issue(t, certificates.Leaf{}).TLS(t)
	works := func(sends ...tls.Certificate) bool {
		status, _, err := ask(w.client(t, "HTTP/1.1", sends...), w.secure+flags, shopKey)
		return err == nil && status == http.StatusOK
	}
	if !works(own) || works(other) || works() {
		t.Error("the wrong clients are admitted")
	}
	w.WaitEvent(t, patience, "tls_handshake_failed")
	write(second)
	w.waitCount(t, "tls_reloaded", 1)
	if works(own) || !works(other) {
		t.Error("the former authority is trusted")
	}
	plain := w.client(t, "HTTP/1.1")
	if status, _, err := ask(plain, w.plain+"/proxy/health/readiness", ""); status != http.StatusOK || err != nil {
		t.Errorf("health without TLS: %d, %v", status, err)
	}
	if status, _, err := ask(plain, w.plain+flags, shopKey); status != http.StatusForbidden || err != nil {
		t.Errorf("flags without TLS: %d, %v", status, err)
	}
	old := w.client(t, "HTTP/1.1", other)
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12
	if _, _, err := ask(old, w.secure+flags, shopKey); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
}

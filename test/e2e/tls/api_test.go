package tls_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// An API with an authority of its own that requires client certificates is polled, and
// polled again after its authority and the client's certificate have changed.
func TestAPIWithOwnAuthority(t *testing.T) {
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environments()...)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	servers, clients := certificates.NewAuthority(t, "servers"), certificates.NewAuthority(t, "clients")
	var current atomic.Pointer[tls.Config]
	speak := func(s, c *certificates.Authority) {
		current.Store(&tls.Config{
			Certificates: []tls.Certificate{s.Issue(t, certificates.Leaf{Names: []string{"127.0.0.1"}}).TLS(t)},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: c.Pool(), NextProtos: []string{"h2", "http/1.1"},
		})
	}
	speak(servers, clients)
	var polls atomic.Int64
	reverse := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { polls.Add(1); r.SetURL(target) }}
	front := httptest.NewUnstartedServer(reverse)
	front.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.Load(), nil }}
	front.StartTLS()
	defer front.Close()

	directory := t.TempDir()
	ca := filepath.Join(directory, "ca.crt")
	place := func(s, c *certificates.Authority) (cert, key string) {
		if err := os.WriteFile(ca, s.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		return c.Issue(t, certificates.Leaf{}).Write(t, directory)
	}
	cert, key := place(servers, clients)
	config["api_url"] = front.URL + "/api/v1"
	config["api_poll_frequency_seconds"] = 0.5
	config["api_tls"] = object{"ca_file": ca, "cert_file": cert, "key_file": key}
	p := harness.StartProxy(t, harness.Setup{Config: config})
	p.WaitReady(t)
	polled := func() {
		t.Helper()
		before := polls.Load()
		wait.Until(t, patience, "another poll", func() bool { return polls.Load() > before+2 })
	}
	polled()
	servers, clients = certificates.NewAuthority(t, "other servers"), certificates.NewAuthority(t, "other clients")
	speak(servers, clients)
	front.CloseClientConnections()
	place(servers, clients)
	p.WaitEvent(t, patience, "api_tls_reloaded")
	polled()
	if status, _, err := ask(&http.Client{}, p.URL+flags, shopKey); status != http.StatusOK || err != nil {
		t.Errorf("%d, %v", status, err)
	}
}

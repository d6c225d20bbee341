package doctor_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	patience  = 10 * time.Second
	clientKey = "client_of_the_shop"
	serverKey = "ser.key_of_the_shop_4711"
)

// document is a small usable document of an environment, with segments as given.
func document(key, segments string) []byte {
	return fmt.Appendf(nil, `{"api_key":%q,"name":"Shop","updated_at":"2026-01-02T03:04:05+00:00",`+
		`"feature_states":[{"django_id":1,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"fast","multivariate_feature_state_values":[]}],`+
		`"identity_overrides":[{"identifier":"bob","identity_features":[{"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"bob's"}]}],`+
		`"project":{"segments":[%s]}}`, key, segments)
}

func shop(document []byte) fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document}
}

// with returns a configuration with one more key.
func with(config map[string]any, key string, value any) map[string]any {
	config = maps.Clone(config)
	config[key] = value
	return config
}

// serving returns an upstream that serves the shop, and the configuration for it.
func serving(t *testing.T) (*harness.Upstream, map[string]any) {
	t.Helper()
	upstream := harness.StartUpstream(t)
	return upstream, upstream.Serve(t, shop(document(clientKey, "")))
}

// report is what is read of a report.
type report struct {
	Status        string
	Configuration bool `json:"configuration_usable"`
	Results       []result
}

type result struct {
	ID, Check, Status, Why, Fix, Link string
	Found                             []string
}

func (r report) result(id string) result {
	for _, result := range r.Results {
		if result.ID == id {
			return result
		}
	}
	return result{}
}

// examine runs the doctor and returns its report and exit code.
func examine(t *testing.T, s harness.Setup, args ...string) (report, int) {
	t.Helper()
	s.Args = append([]string{"doctor", "--json"}, args...)
	got := harness.Run(t, s)
	var r report
	if err := json.Unmarshal([]byte(got.Stdout), &r); err != nil {
		t.Fatalf("%v in\n%s%s", err, got.Stdout, got.Stderr)
	}
	if got.Stderr != "" {
		t.Errorf("standard error: %s", got.Stderr)
	}
	return r, got.Code
}

// free returns an address of 127.0.0.1 at which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// front is a gateway before an upstream, which changes requests and answers.
func front(t *testing.T, upstream *harness.Upstream, request func(*http.Request), answer func(*http.Response)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(gateway(t, upstream, request, answer))
	t.Cleanup(server.Close)
	return server
}

func gateway(t *testing.T, upstream *harness.Upstream, request func(*http.Request), answer func(*http.Response)) http.Handler {
	t.Helper()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if request != nil {
				request(r.Out)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if answer != nil {
				answer(r)
			}
			return nil
		},
	}
}

// secured returns an upstream's gateway with TLS, by a certificate of this host name that
// is valid until then, and the file of the authority that has issued it.
func secured(t *testing.T, upstream *harness.Upstream, host string, until time.Time) (server *httptest.Server, authority string) {
	t.Helper()
	issuer := certificates.NewAuthority(t, "authority of the test")
	pair := issuer.Issue(t, certificates.Leaf{Names: []string{host}, NotBefore: until.Add(-400 * 24 * time.Hour), NotAfter: until})
	server = httptest.NewUnstartedServer(gateway(t, upstream, nil, nil))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.TLS(t)}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, file(t, "authority.pem", string(issuer.PEM()))
}

// quiet discards what a server logs about clients that refuse its certificate.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// limited returns a program that runs the binary with a limit of open files.
func limited(t *testing.T, files int) string {
	t.Helper()
	path := file(t, "limited", fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %q \"$@\"\n", files, harness.Binary(t)))
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

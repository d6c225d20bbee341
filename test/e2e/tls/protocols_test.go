package tls_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Every protocol gets the same bytes.
func TestBodiesAreEqual(t *testing.T) {
	w := start(t, nil)
	asks := []struct{ method, path, key, body string }{
		{"GET", "/api/v1/flags/", shopKey, ""},
		{"GET", "/api/v1/flags/", "unknown", ""},
		{"GET", "/api/v1/flags/?feature=flag_of_client_shop", shopKey, ""},
		{"GET", "/api/v1/identities/?identifier=ada", shopKey, ""},
		{"POST", "/api/v1/identities/", shopKey, `{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}`},
		{"POST", "/api/v1/identities/", shopKey, `{"identifier":`},
		{"POST", "/api/v1/identities/", shopKey, `{"identifier":"` + strings.Repeat("x", 2<<20) + `"}`},
		{"GET", "/api/v1/environment-document/", shopServer, ""},
		{"POST", "/ofrep/v1/evaluate/flags", shopKey, `{"context":{"targetingKey":"ada"}}`},
		{"GET", "/nowhere", shopKey, ""},
		{"DELETE", "/api/v1/flags/", shopKey, ""},
	}
	for _, a := range asks {
		var want string
		for _, via := range []struct{ protocol, base string }{
			{"HTTP/1.1", w.plain}, {"HTTP/2.0", w.plain}, {"HTTP/1.1", w.secure}, {"HTTP/2.0", w.secure},
		} {
			request, err := http.NewRequest(a.method, via.base+a.path, strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Environment-Key", a.key)
			request.Header.Set("Content-Type", "application/json")
			response, err := w.client(t, via.protocol).Do(request)
			if err != nil {
				t.Fatalf("%s %s over %s: %v", a.method, a.path, via.protocol, err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.Proto != via.protocol {
				t.Fatalf("%s %s over %s: %v, answered by %s", a.method, a.path, via.protocol, err, response.Proto)
			}
			got := fmt.Sprint(response.StatusCode, response.Header["Content-Type"], response.Header["Etag"], string(body))
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s %s over %s %s: %.300q, want %.300q", a.method, a.path, via.protocol, via.base, got, want)
			}
		}
	}
}

// Event streams work over every protocol, and end in order.
func TestStreams(t *testing.T) {
	w := start(t, nil)
	var streams []*bufio.Reader
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for _, base := range []string{w.plain, w.secure} {
			client := w.client(t, protocol)
			client.Timeout = 0
			response, err := client.Get(base + "/sse/environments/" + shopKey + "/stream")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.Proto != protocol || response.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("%s %s: %s %v", protocol, base, response.Proto, response.Header)
			}
			events := bufio.NewReader(response.Body)
			if line, err := events.ReadString('\n'); err != nil || line != ": connected\n" {
				t.Fatalf("%s %s: %q, %v", protocol, base, line, err)
			}
			streams = append(streams, events)
		}
	}
	w.Signal(t, terminate)
	for i, events := range streams {
		if rest, err := io.ReadAll(events); err != nil {
			t.Errorf("stream %d ended with %v after %q", i, err, rest)
		}
	}
	if code := w.Wait(t, patience); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// The command "health" finds the port to ask.
func TestHealthCommand(t *testing.T) {
	w := start(t, nil)
	_, port, _ := strings.Cut(w.Address, ":")
	env := map[string]string{
		"SERVER_HOST": "127.0.0.1", "SERVER_PORT": port, "SERVER_TLS_CERT_FILE": w.mount.path("tls.crt"), "SERVER_TLS_KEY_FILE": w.mount.path("tls.key"),
	}
	health := func(more ...string) harness.Result {
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return harness.Run(t, harness.Setup{Args: []string{"health"}, Env: env})
	}
	if r := health(); r.Code != 0 || !strings.Contains(r.Stdout, "200") {
		t.Errorf("over TLS: %+v", r)
	}
	if r := harness.Run(t, harness.Setup{Args: []string{"health", "--url", w.secure}}); r.Code == 0 || !strings.Contains(r.Stderr, "certificate") {
		t.Errorf("with --url and an unknown authority: %+v", r)
	}
	if r := harness.Run(t, harness.Setup{Args: []string{"health", "--skip-verify", "--url", w.secure}}); r.Code != 0 || !strings.Contains(r.Stdout, "200") {
		t.Errorf("with --skip-verify: %+v", r)
	}
	if r := health("SERVER_TLS_CLIENT_AUTH", "require", "SERVER_TLS_CLIENT_CA_FILE", "ca.crt"); r.Code == 0 || !strings.Contains(r.Stderr, "server.http_port") {
		t.Errorf("with client certificates: %+v", r)
	}
	_, port, _ = strings.Cut(strings.TrimPrefix(w.plain, "http://"), ":")
	if r := health("SERVER_HTTP_PORT", port); r.Code != 0 || !strings.Contains(r.Stdout, "200") {
		t.Errorf("on the plain port: %+v", r)
	}
}

// The command finds a running proxy that serves TLS alone when its configuration file
// is gone.
func TestHealthWithoutFile(t *testing.T) {
	m := newMount(t)
	m.put(t, certificates.NewAuthority(t, "authority").Issue(t, certificates.Leaf{Names: []string{"127.0.0.1"}}))
	config := harness.StartUpstream(t).Serve(t, environments()...)
	config["server"] = object{"host": "127.0.0.1", "tls": object{"cert_file": m.path("tls.crt"), "key_file": m.path("tls.key")}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"CONFIG_PATH": path}
	running := harness.StartProxy(t, harness.Setup{Config: config, Env: env})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// With a port in Config, the harness does not choose one by a variable.
	r := harness.Run(t, harness.Setup{Args: []string{"health", "--live"}, Config: object{"server": object{"host": "h", "port": 1}}, Env: env})
	if r.Code != 0 || !strings.Contains(r.Stdout, "200") {
		t.Errorf("%s: %+v", running.Address, r)
	}
}

// Settings that contradict each other, and files that cannot be used, are refused.
func TestWrongSettings(t *testing.T) {
	m := newMount(t)
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"key alone":         {map[string]string{"SERVER_TLS_KEY_FILE": "x"}, []string{"server.tls.cert_file and server.tls.key_file belong together"}},
		"port without TLS":  {map[string]string{"SERVER_HTTP_PORT": "8080"}, []string{"server.http_port is set, and needs server.tls.cert_file"}},
		"no authority":      {map[string]string{"SERVER_TLS_CERT_FILE": "c", "SERVER_TLS_KEY_FILE": "k", "SERVER_TLS_CLIENT_AUTH": "require"}, []string{"needs server.tls.client_ca_file"}},
		"one port for both": {map[string]string{"SERVER_TLS_CERT_FILE": "c", "SERVER_TLS_KEY_FILE": "k", "SERVER_PORT": "8443", "SERVER_HTTP_PORT": "8443"}, []string{"server.http_port is the same as server.port"}},
		"unknown word":      {map[string]string{"SERVER_TLS_CLIENT_AUTH": "maybe"}, []string{"none, request or require"}},
		"rule of nothing": {map[string]string{"SERVER_TLS_CERT_FILE": "c", "SERVER_TLS_KEY_FILE": "k", "SERVER_TLS_CLIENT_AUTH": "request", "SERVER_TLS_CLIENT_CA_FILE": "a",
			"SERVER_TLS_CLIENTS": `[{"san":"spiffe://*/shop","environments":["a"]}]`}, []string{"is not a URI of a certificate", "spiffe://example.org/shop/*"}},
		"server key in a rule": {map[string]string{"SERVER_TLS_CLIENTS": `[{"san":"a.example","environments":["` + shopServer + `"]}]`}, []string{"server.tls.clients[0].environments", "client-side keys"}},
		"missing file":         {map[string]string{"SERVER_TLS_CERT_FILE": m.path("tls.crt"), "SERVER_TLS_KEY_FILE": m.path("tls.key")}, []string{"server.tls: ", "tls.crt cannot be read"}},
		"missing authority":    {map[string]string{"API_TLS_CA_FILE": m.path("ca.crt")}, []string{"api_tls: ", "ca.crt cannot be read"}},
		"client key alone":     {map[string]string{"API_TLS_KEY_FILE": "x"}, []string{"api_tls.cert_file and api_tls.key_file belong together"}},
	} {
		for _, command := range [][]string{nil, {"validate"}} {
			config := object{"environment_key_pairs": []object{{"server_side_key": shopServer, "client_side_key": shopKey}}}
			r := harness.Run(t, harness.Setup{Config: config, Env: c.env, Args: command})
			if r.Code != 2 || !holds(r.Stdout+r.Stderr, c.want...) {
				t.Errorf("%s, %v: code %d, want 2 and %q:\n%s%s", name, command, r.Code, c.want, r.Stdout, r.Stderr)
			}
		}
	}
}

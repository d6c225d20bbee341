//go:build deploy

package deploy_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "client_behind_nginx"
	serverKey = "ser.key_behind_nginx_4711"
	// clientAddress differs from nginx's address.
	clientAddress = "127.0.0.9"
)

// frontend is nginx with docs/deploy/nginx.conf in front of two proxies.
type frontend struct {
	upstream *harness.Upstream
	proxies  [2]*harness.Proxy
	url      string
	client   *http.Client
}

func startFrontend(t *testing.T) frontend {
	t.Helper()
	f := frontend{upstream: harness.StartUpstream(t)}
	config := f.upstream.Serve(t, fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: environment(clientKey, "2026-01-02T03:04:05Z", "old"),
	})
	config["api_poll_frequency_seconds"] = 0.5
	for i := range f.proxies {
		f.proxies[i] = harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{
			"SERVER_PROXY_HEADERS": "true", "FORWARDED_ALLOW_IPS": "127.0.0.1", "LOGGING_ENABLE_ACCESS_LOG": "true",
		}})
		f.proxies[i].WaitReady(t)
	}
	port := harness.FreePort(t)
	f.url = fmt.Sprintf("https://flags.example.com:%d", port)
	f.client = certified(t, port, func(certificate, key string) { f.start(t, port, certificate, key) })
	return f
}

// start runs nginx with the documented file, in which it replaces only addresses,
// the port and the paths of the certificate.
func (f frontend) start(t *testing.T, port int, certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	server := replace(t, readFile(t, directory+"/nginx.conf"),
		"10.0.1.10:8000", f.proxies[0].Address, "10.0.1.11:8000", f.proxies[1].Address,
		"listen 443 ssl", fmt.Sprintf("listen 127.0.0.1:%d ssl", port),
		"/etc/nginx/tls/flags.crt", certificate, "/etc/nginx/tls/flags.key", key)
	write(t, filepath.Join(dir, "server.conf"), server)
	main := "daemon off; pid nginx.pid; error_log stderr; worker_processes 2;\nevents {}\nhttp {\n access_log off;\n include server.conf;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf(" %s_temp_path %s;\n", kind, kind)
	}
	if os.Geteuid() == 0 {
		main = "user root;\n" + main // otherwise the workers cannot read the directory
	}
	write(t, filepath.Join(dir, "nginx.conf"), main+"}\n")

	arguments := []string{"-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr"}
	if out, code := tool(t, "nginx", append(arguments, "-t")...); code != 0 || strings.Contains(out, "[warn]") {
		t.Fatalf("nginx -t: exit code %d\n%s", code, out)
	}
	nginx := exec.Command("nginx", arguments...)
	var output strings.Builder
	nginx.Stdout, nginx.Stderr = &output, &output
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		if err := nginx.Wait(); err != nil || t.Failed() {
			t.Errorf("nginx: %v\n%s", err, &output)
		}
	})
	wait.Until(t, patience, "nginx listens", func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

// certified writes a certificate for flags.example.com and its key to files, and
// returns a client that trusts it and connects from clientAddress.
func certified(t *testing.T, port int, use func(certificate, key string)) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"flags.example.com"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, "flags.crt"), certificate)
	write(t, filepath.Join(dir, "flags.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	use(filepath.Join(dir, "flags.crt"), filepath.Join(dir, "flags.key"))

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificate))
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress)}}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		},
	}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func (f frontend) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", clientKey)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestNginx(t *testing.T) {
	f := startFrontend(t)
	t.Run("serves", f.serves)
	t.Run("tells the client's address", f.tellsAddress)
	t.Run("does not hold events back", f.passesEvents)
	t.Run("leaves out a node that is away", f.failsOver)
}

func (f frontend) serves(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/v1/flags/", "", 200, `"feature_state_value":"old"`},
		{"POST", "/api/v1/identities/", `{"identifier":"ada","traits":[]}`, 200, `"feature_state_value":"old"`},
		{"POST", "/api/v1/identities/", `{"identifier":"` + strings.Repeat("a", 1<<20) + `"}`, 413, ""},
		{"POST", "/proxy/webhook", `{}`, 404, "Not Found"}, // the proxy's own: it is off
		{"GET", "/proxy/health", "", 404, "nginx"},
		{"GET", "/proxy/health/readiness", "", 404, "nginx"},
		{"GET", "/health", "", 404, "nginx"},
	} {
		response, body := f.do(t, tt.method, tt.path, tt.body)
		if response.StatusCode != tt.status || !strings.Contains(body, tt.want) || response.ProtoMajor != 2 {
			t.Errorf("%s %s: %s %d %s", tt.method, tt.path, response.Proto, response.StatusCode, body)
		}
	}
}

// The access log has the client's address, and not one that the client forged.
func (f frontend) tellsAddress(t *testing.T) {
	const path = "/api/v1/flags/?feature=a"
	f.do(t, "GET", path, "", "X-Forwarded-For", "192.0.2.66")
	find := func() (line string) {
		for _, proxy := range f.proxies {
			for line := range strings.Lines(proxy.Stdout()) {
				if strings.Contains(line, path) {
					return line
				}
			}
		}
		return ""
	}
	wait.Until(t, patience, "the access log has the request", func() bool { return find() != "" })
	if line := find(); !strings.Contains(line, clientAddress) || strings.Contains(line, "192.0.2.66") || strings.Contains(line, "127.0.0.1") {
		t.Errorf("the access log: %s", line)
	}
}

func (f frontend) passesEvents(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/sse/environments/"+clientKey+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != ": connected" {
		t.Fatalf("the stream begins with %d %q, %v", response.StatusCode, lines.Text(), lines.Err())
	}
	err = f.upstream.PutEnvironment(t.Context(), fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: environment(clientKey, "2026-01-02T03:04:06Z", "new"),
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for lines.Scan() {
		if strings.Contains(lines.Text(), "environment_updated") {
			// A heartbeat comes after 20 s and would flush what was buffered.
			if waited := time.Since(began); waited > 15*time.Second {
				t.Errorf("the event came after %s", waited)
			}
			return
		}
	}
	t.Errorf("the stream ended without an event: %v", lines.Err())
}

func (f frontend) failsOver(t *testing.T) {
	f.proxies[0].Signal(t, syscall.SIGTERM)
	if code := f.proxies[0].Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for range 20 {
		for _, request := range [][3]string{{"GET", "/api/v1/flags/", ""}, {"POST", "/api/v1/identities/", `{"identifier":"ada"}`}} {
			if response, body := f.do(t, request[0], request[1], request[2]); response.StatusCode != http.StatusOK {
				t.Errorf("%s %s: %d %s", request[0], request[1], response.StatusCode, body)
			}
		}
	}
}

package tls_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	shopKey, shopServer = "client_shop", "ser.tls-secret-shop"
	blogKey, blogServer = "client_blog", "ser.tls-secret-blog"
	flags               = "/api/v1/flags/"
	patience            = time.Minute
)

type object = map[string]any

func document(key string) []byte {
	return fmt.Appendf(nil, `{"api_key":%q,"name":"Test","updated_at":"2026-01-02T03:04:05+00:00","project":{"segments":[]},`+
		`"feature_states":[{"django_id":1,"feature":{"id":1,"name":"flag_of_%s","type":"STANDARD"},"enabled":true,"feature_state_value":null}]}`, key, key)
}

func environments() []fakeflagsmith.Environment {
	return []fakeflagsmith.Environment{
		{ClientKey: shopKey, ServerKeys: []string{shopServer}, Document: document(shopKey)},
		{ClientKey: blogKey, ServerKeys: []string{blogServer}, Document: document(blogKey)},
	}
}

// world is a proxy with TLS, and with a port without it.
type world struct {
	*harness.Proxy
	authority *certificates.Authority
	mount     *mount
	secure    string // https:// and the address
	plain     string // http:// and the address
}

// start starts a proxy with settings of server.tls beside the certificate.
func start(t *testing.T, settings object) *world {
	t.Helper()
	w := &world{authority: certificates.NewAuthority(t, "authority"), mount: newMount(t)}
	w.mount.put(t, w.issue(t))
	own := object{"cert_file": w.mount.path("tls.crt"), "key_file": w.mount.path("tls.key")}
	for key, value := range settings {
		own[key] = value
	}
	config := harness.StartUpstream(t).Serve(t, environments()...)
	config["server"] = object{"http_port": 0, "tls": own}
	w.Proxy = harness.StartProxy(t, harness.Setup{Config: config})
	w.secure = "https://" + w.Address
	w.plain = "http://" + w.WaitEvent(t, patience, "listening_without_tls").Text("address")
	w.URL = w.plain
	w.WaitReady(t)
	return w
}

// issue returns a pair for the proxy.
func (w *world) issue(t *testing.T) certificates.Pair {
	return w.authority.Issue(t, certificates.Leaf{Names: []string{"127.0.0.1"}})
}

// client returns a client that trusts the proxy and speaks one protocol, HTTP/1.1 or
// HTTP/2, with TLS or without.
func (w *world) client(t *testing.T, protocol string, sends ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.authority.Pool(), Certificates: sends}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
	transport.Protocols.SetHTTP2(protocol == "HTTP/2.0")
	transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 15 * time.Second}
}

// ask asks with a key and returns the status and the body.
func ask(client *http.Client, url, key string) (status int, body string, err error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("X-Environment-Key", key)
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// serial returns the serial number of the certificate that a new connection gets.
func (w *world) serial(t *testing.T) string {
	t.Helper()
	conn, err := tls.Dial("tcp", w.Address, &tls.Config{RootCAs: w.authority.Pool()})
	if err != nil {
		t.Fatalf("a handshake failed: %v", err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// count returns how many events of a name there were.
func (w *world) count(name string) int {
	n := 0
	for _, e := range w.Events() {
		if e.Named(name) {
			n++
		}
	}
	return n
}

// waitCount waits until there were n events of a name.
func (w *world) waitCount(t *testing.T, name string, n int) {
	t.Helper()
	wait.Until(t, patience, fmt.Sprintf("%d events %s", n, name), func() bool { return w.count(name) >= n })
}

// mount is a directory as Kubernetes mounts a Secret: files are links through ..data,
// which is replaced as a whole.
type mount struct {
	directory string
	versions  int
}

func newMount(t *testing.T) *mount {
	m := &mount{directory: t.TempDir()}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), m.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *mount) path(name string) string { return filepath.Join(m.directory, name) }

// put replaces the content.
func (m *mount) put(t *testing.T, p certificates.Pair) {
	t.Helper()
	m.versions++
	version := fmt.Sprint("..", m.versions)
	if err := os.Mkdir(m.path(version), 0o700); err != nil {
		t.Fatal(err)
	}
	p.Write(t, m.path(version))
	next := m.path("..next")
	if err := os.Symlink(version, next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, m.path("..data")); err != nil {
		t.Fatal(err)
	}
	_ = os.RemoveAll(m.path(fmt.Sprint("..", m.versions-1)))
}

// holds reports whether an error of the configuration names all of want.
func holds(text string, want ...string) bool {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

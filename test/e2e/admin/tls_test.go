package admin_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// secured is a proxy whose admin listener speaks TLS.
type secured struct {
	harness.Operated
	config    map[string]any
	authority *certificates.Authority
	directory string // with the files of the certificate and of the authority, ca.crt
}

// secure starts a proxy whose admin listener has a certificate with names. change may change
// the settings of admin.tls.
func secure(t *testing.T, names []string, change func(tls map[string]any, s *secured)) *secured {
	t.Helper()
	s := &secured{authority: certificates.NewAuthority(t, "operators"), directory: t.TempDir()}
	cert, key := s.authority.Issue(t, certificates.Leaf{Names: names}).Write(t, s.directory)
	if err := os.WriteFile(s.authorityFile(), s.authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"cert_file": cert, "key_file": key}
	if change != nil {
		change(settings, s)
	}
	s.config = serving(t, map[string]any{"token": adminToken, "tls": settings})
	s.Operated = harness.StartOperated(t, harness.Setup{Config: s.config})
	return s
}

func (s *secured) authorityFile() string { return filepath.Join(s.directory, "ca.crt") }

// get asks the listener, with a certificate if there is one, and returns the status and
// the serial number of the listener's certificate.
func (s *secured) get(t *testing.T, path string, own ...tls.Certificate) (status int, serial string, err error) {
	t.Helper()
	answer, _, err := s.read(t, path, own...)
	if err != nil {
		return 0, "", err
	}
	return answer.StatusCode, answer.TLS.PeerCertificates[0].SerialNumber.String(), nil
}

// read asks the listener as get does, and returns the response with its body, which is read
// whole.
func (s *secured) read(t *testing.T, path string, own ...tls.Certificate) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		RootCAs: s.authority.Pool(), ServerName: "admin.example.org", Certificates: own,
	}}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

// The certificate of the admin listener has its end in the metrics, and its replacements
// count, also where server.port is without TLS.
func TestTheCertificateOfTheAdminListenerIsAMetric(t *testing.T) {
	t.Parallel()
	s := secure(t, []string{"admin.example.org"}, nil)
	s.authority.Issue(t, certificates.Leaf{Names: []string{"admin.example.org"}}).Write(t, s.directory)
	const replaced = `edge_proxy_tls_reloads_total{result="success"} 1`
	var body string
	wait.Until(t, harness.StartTimeout, "the new certificate", func() bool {
		var err error
		if _, body, err = s.read(t, "/metrics"); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(body, replaced)
	})
	if !strings.Contains(body, `edge_proxy_tls_certificate_not_after_timestamp_seconds{listener="admin"} 1.`) || strings.Contains(body, `{listener="server"}`) {
		t.Errorf("the metrics have %s", body)
	}
}

// Commands know the listener of the configuration by its certificate, whatever names that
// has, and any other one by its authority.
func TestCommandsAskByTLS(t *testing.T) {
	t.Parallel()
	s := secure(t, []string{"admin.example.org"}, nil)
	if got := command(t, s.config, "refresh"); got.Code != 0 || !strings.Contains(got.Stdout, "ok; serves the document of ") {
		t.Errorf("refresh: %+v", got)
	}
	if got := command(t, s.config, "doctor", "--json"); !strings.Contains(got.Stdout, `"Serving 1 of 1 environment.`) {
		t.Errorf("doctor has not seen the status: %s%s", got.Stdout, got.Stderr)
	}
	local := secure(t, []string{"127.0.0.1"}, nil)
	_, _, plain := acting(t)
	for _, tt := range []struct {
		name, want string // the end of an error; "": none
		args       []string
	}{
		{"the authority is known", "", []string{"--admin", local.Admin, "--ca-file", local.authorityFile()}},
		{"the authority is not known", "is of an unknown authority: name a file with it by --ca-file", []string{"--admin", local.Admin}},
		{"another name", "is for other names: ask by one that it has", []string{"--admin", s.Admin, "--ca-file", s.authorityFile()}},
		{"not by TLS", "speaks TLS: say https:// in --admin", []string{"--admin", strings.Replace(local.Admin, "https:", "http:", 1)}},
		{"by TLS where there is none", "does not speak TLS: say http:// in --admin", []string{"--admin", strings.Replace(plain, "http:", "https:", 1)}},
		{"no authorities in the file", "has no certificate in PEM form", []string{"--admin", local.Admin, "--ca-file", filepath.Join(local.directory, "tls.key")}},
		{"a certificate without a key", "--cert-file and --key-file belong together", []string{"--admin", local.Admin, "--cert-file", local.authorityFile()}},
	} {
		got := harness.Run(t, harness.Setup{Args: append([]string{"refresh"}, tt.args...), Env: map[string]string{"ADMIN_TOKEN": adminToken}})
		if (got.Code == 0) != (tt.want == "") || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.name, got.Code, got.Stderr)
		}
	}
}

func TestCertificateOfTheAdminListenerIsReplaced(t *testing.T) {
	t.Parallel()
	s := secure(t, []string{"admin.example.org"}, nil)
	status, former, err := s.get(t, "/readyz")
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	s.authority.Issue(t, certificates.Leaf{Names: []string{"admin.example.org"}}).Write(t, s.directory)
	wait.Until(t, 20*time.Second, "the new certificate", func() bool {
		_, serial, err := s.get(t, "/readyz")
		return err == nil && serial != former
	})
	_, serial, _ := s.get(t, "/readyz")
	if err := os.WriteFile(filepath.Join(s.directory, "tls.crt"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.WaitEvent(t, 20*time.Second, "tls_reload_failed", func(e harness.Event) bool { return e.Text("listener") == "admin" })
	if status, still, err := s.get(t, "/readyz"); err != nil || status != http.StatusOK || still != serial {
		t.Errorf("after a certificate that cannot be used: %d %v, certificate %s, want %s", status, err, still, serial)
	}
}

func TestOperatorsWithCertificates(t *testing.T) {
	t.Parallel()
	s := secure(t, []string{"admin.example.org"}, func(settings map[string]any, s *secured) {
		settings["client_ca_file"], settings["client_auth"] = s.authorityFile(), "require"
	})
	if status, _, err := s.get(t, "/readyz"); err == nil {
		t.Errorf("without a certificate: %d", status)
	}
	own := s.authority.Issue(t, certificates.Leaf{})
	if status, _, err := s.get(t, "/readyz", own.TLS(t)); err != nil || status != http.StatusOK {
		t.Errorf("with a certificate: %d %v", status, err)
	}
	if got := command(t, s.config, "refresh"); got.Code == 0 || !strings.Contains(got.Stderr, "name it with --cert-file and --key-file") {
		t.Errorf("refresh without a certificate: %+v", got)
	}
	cert, key := own.Write(t, t.TempDir())
	if got := command(t, s.config, "refresh", "--cert-file", cert, "--key-file", key); got.Code != 0 {
		t.Errorf("refresh with a certificate: %+v", got)
	}
}

func TestWrongSettingsOfAdminTLS(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	cert, key := certificates.NewAuthority(t, "operators").Issue(t, certificates.Leaf{}).Write(t, directory)
	_, other := certificates.NewAuthority(t, "others").Issue(t, certificates.Leaf{}).Write(t, t.TempDir())
	for _, tt := range []struct{ settings, want string }{
		{`{"cert_file": "CERT"}`, "admin.tls.cert_file and admin.tls.key_file belong together: set both, or neither"},
		{`{"client_auth": "require"}`, "admin.tls.client_auth is set, and needs admin.tls.cert_file and admin.tls.key_file: without them admin.port speaks plain HTTP"},
		{`{"cert_file": "CERT", "key_file": "KEY", "client_auth": "require"}`, `admin.tls.client_auth is "require", and needs admin.tls.client_ca_file to verify certificates with`},
		{`{"cert_file": "CERT", "key_file": "KEY", "client_ca_file": "CERT"}`, `admin.tls.client_ca_file is set, and needs admin.tls.client_auth to be "request" or "require"`},
		{`{"cert_file": "CERT", "key_file": "OTHER"}`, "admin.tls: the certificate in CERT and the key in OTHER cannot be used: they do not belong together"},
		{`{"cert_file": "CERT.missing", "key_file": "KEY"}`, "admin.tls: CERT.missing cannot be read"},
	} {
		fill := strings.NewReplacer("CERT", cert, "KEY", key, "OTHER", other)
		var settings map[string]any
		if err := json.Unmarshal([]byte(fill.Replace(tt.settings)), &settings); err != nil {
			t.Fatal(err)
		}
		got := harness.Run(t, harness.Setup{Config: serving(t, map[string]any{"port": harness.FreePort(t), "tls": settings})})
		if got.Code != 2 || !strings.Contains(got.Stderr, fill.Replace(tt.want)) {
			t.Errorf("%s: exit code %d, %s", tt.settings, got.Code, got.Stderr)
		}
	}
}

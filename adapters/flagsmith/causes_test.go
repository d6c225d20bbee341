package flagsmith_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue returns a certificate for a server on 127.0.0.1 with what change does to it,
// signed by a, by itself when a is nil.
func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *authority) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true,
	}
	change(template)
	parent, signer := template, key
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, &authority{parsed, key}
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	_, a := (*authority)(nil).issue(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.ExtKeyUsage, c.IPAddresses = "Shop CA", true, nil, nil
		c.KeyUsage = x509.KeyUsageCertSign
	})
	return a
}

func TestCertificateCauses(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	directory := t.TempDir()
	empty := filepath.Join(directory, "empty.pem")
	if err := os.WriteFile(empty, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	unchanged := func(*x509.Certificate) {}
	for name, c := range map[string]struct {
		signer  *authority // nil: itself
		change  func(*x509.Certificate)
		trusted bool
		file    string // SSL_CERT_FILE
		want    []string
		not     string
	}{
		"no alternative names": {ca, func(c *x509.Certificate) { c.IPAddresses = nil }, true, "", []string{"no subject alternative names", `"127.0.0.1"`}, "another host"},
		"other names": {ca, func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"a.test", "b.test", "c.test", "d.test"}
		}, true, "",
			[]string{"for another host, a.test, b.test, c.test, others: check api_url"}, "d.test"},
		"expired":                {ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, true, "", []string{"not valid at this time, but until 20", "renew it"}, "trusted"},
		"not yet valid":          {ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }, true, "", []string{"not valid at this time, but from 20", "clock"}, "renew"},
		"for clients":            {ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, true, "", []string{"not meant for servers"}, ""},
		"unknown authority":      {ca, unchanged, false, "", []string{`the authority "Shop CA", which is not trusted`, "name its file in api_tls.ca_file"}, ""},
		"self-signed":            {nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }, false, "", []string{"signed by itself", "api_tls.ca_file"}, ""},
		"a file that is missing": {ca, unchanged, false, filepath.Join(directory, "missing.pem"), []string{"missing.pem, which cannot be read: no such file"}, "name its file"},
		"a file without one":     {ca, unchanged, false, empty, []string{"empty.pem, which has no certificate in PEM form"}, "name its file"},
		"a directory":            {ca, unchanged, false, directory, []string{directory + ", which cannot be read"}, "name its file"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, _ := c.signer.issue(t, c.change)
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.StartTLS()
			defer server.Close()
			failed := failing(t, client(t, server.URL, func(o *flagsmith.Options) {
				trust := &tls.Config{RootCAs: x509.NewCertPool()}
				if c.trusted {
					trust.RootCAs = pool
				}
				o.TLS, o.AuthorityFile = func() *tls.Config { return trust }, c.file
			}))
			contains(t, failed.Cause, c.want...)
			if c.not != "" && strings.Contains(failed.Cause, c.not) {
				t.Errorf("the cause %q speaks of %q", failed.Cause, c.not)
			}
		})
	}
}

func TestAFileWithAnotherAuthority(t *testing.T) {
	t.Parallel()
	server := newTLSServer(t, http.NotFoundHandler())
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newAuthority(t).certificate.Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := &tls.Config{RootCAs: x509.NewCertPool()}
	failed := failing(t, client(t, server.URL, func(o *flagsmith.Options) {
		o.TLS, o.AuthorityFile = func() *tls.Config { return nobody }, file
	}))
	contains(t, failed.Cause, "add it to "+file+", which SSL_CERT_FILE names")
}

// What listens at the address speaks another protocol, or wants more than it gets.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	withTLS := newTLSServer(t, http.NotFoundHandler())
	alert := serve(t, func(w http.ResponseWriter, _ *http.Request) { raw(w, "\x15\x03\x01\x00\x02\x02\x16") })
	ssh := serve(t, func(w http.ResponseWriter, _ *http.Request) { raw(w, "SSH-2.0-OpenSSH_9.2\r\n") })
	mutual := httptest.NewUnstartedServer(http.NotFoundHandler())
	mutual.Config.ErrorLog = log.New(io.Discard, "", 0)
	mutual.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	mutual.StartTLS()
	t.Cleanup(mutual.Close)
	for name, c := range map[string]struct {
		address string
		change  func(*flagsmith.Options)
		want    string
	}{
		"TLS at a port for HTTP":     {strings.Replace(withTLS.URL, "https:", "http:", 1), nil, "https://"},
		"an alert of TLS":            {alert.URL, nil, "should perhaps begin with https://"},
		"another protocol":           {ssh.URL, nil, "does not speak HTTP"},
		"a client certificate":       {mutual.URL, trust(mutual), "wants a client certificate"},
		"the host is not reachable":  {"http://upstream.test", dialing(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}), "cannot be reached from here"},
		"DNS does not know the name": {"http://upstream.test", dialing(&net.DNSError{Err: "no such host", Name: "upstream.test", IsNotFound: true}), "DNS does not know it: check api_url"},
		"DNS fails":                  {"http://upstream.test", dialing(&net.DNSError{Err: "server misbehaving", Name: "upstream.test", IsTemporary: true}), "since DNS failed"},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*flagsmith.Options) {}
			}
			contains(t, failing(t, client(t, c.address, change)).Cause, c.want)
		})
	}
}

func dialing(err error) func(*flagsmith.Options) {
	return func(o *flagsmith.Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
}

// The step at which the time ended is what the cause is about.
func TestStepsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	silent := func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }() // ends with the connection
		return here, nil
	}
	for name, c := range map[string]struct {
		address string
		dial    func(context.Context, string, string) (net.Conn, error)
		proxy   string
		want    string
	}{
		"TLS handshake": {"https://upstream.test", silent, "", "did not complete the TLS handshake"},
		"response":      {"http://upstream.test", silent, "", "slow"},
		"forward proxy": {"http://upstream.test", hang, "http://proxy.test", "forward proxy does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				upstream := client(t, c.address, func(o *flagsmith.Options) {
					o.Timeout, o.Dial, o.Proxy.All = time.Second, c.dial, c.proxy
				})
				failed := failing(t, upstream)
				contains(t, failed.Error(), c.want, "no complete answer", "api_poll_timeout_seconds")
				if errors.Is(failed, context.DeadlineExceeded) {
					t.Error("it looks as if the caller's context had ended")
				}
				upstream.Close()
				synctest.Wait()
			})
		})
	}
}

func TestAForwardProxyThatCannotReachUpstream(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{403: "does not let the request through", 407: "user name and a password", 502: "cannot reach upstream", 503: "cannot reach upstream"} {
		proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		failed := failing(t, client(t, "https://upstream.test", func(o *flagsmith.Options) { o.Proxy.All = proxy.URL }))
		contains(t, failed.Cause, want)
	}
}

package commands

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// adminTLS returns how a command speaks TLS with an admin listener: it trusts the
// authorities of the system and of --ca-file, and sends the certificate of --cert-file. For
// the listener of the configuration, own, it trusts the certificate that is configured, under
// the name in it: this listener is asked by an address that the certificate need not have.
func (p *Program) adminTLS(c adminChoice, own config.AdminTLS) (*tls.Config, error) {
	settings := &tls.Config{} // of itself it trusts the system, whose authorities take long to read
	if c.caFile != "" || own.CertFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil { // the system has none
			pool = x509.NewCertPool()
		}
		settings.RootCAs = pool
	}
	if c.caFile != "" {
		content, err := os.ReadFile(p.path(c.caFile))
		if err != nil {
			return nil, err
		}
		if !settings.RootCAs.AppendCertsFromPEM(content) {
			return nil, usage("--ca-file %s has no certificate in PEM form", c.caFile)
		}
	}
	if (c.certFile == "") != (c.keyFile == "") {
		return nil, usage("--cert-file and --key-file belong together: give both, or neither")
	}
	if c.certFile != "" {
		pair, err := tls.LoadX509KeyPair(p.path(c.certFile), p.path(c.keyFile))
		if err != nil {
			return nil, fmt.Errorf("--cert-file and --key-file cannot be used: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	if own.CertFile == "" {
		return settings, nil
	}
	content, err := os.ReadFile(own.CertFile)
	if err != nil {
		return nil, fmt.Errorf("admin.tls.cert_file, by which the admin listener is known: %w; or name the listener with --admin", err)
	}
	settings.RootCAs.AppendCertsFromPEM(content)
	settings.ServerName = firstName(content)
	return settings, nil
}

// firstName returns a name of the first certificate in a text; "" without one.
func firstName(text []byte) string {
	block, _ := pem.Decode(text)
	if block == nil {
		return ""
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return ""
	case len(leaf.DNSNames) > 0:
		return strings.Replace(leaf.DNSNames[0], "*", "any", 1)
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	default:
		return ""
	}
}

// adminFailure explains why the admin listener of u cannot be asked. The error does not
// repeat the address, which may have more than people should see.
func adminFailure(u *url.URL, err error) error {
	var (
		failed    *url.Error
		unknown   x509.UnknownAuthorityError
		misnamed  x509.HostnameError
		unusable  x509.CertificateInvalidError
		plainHTTP tls.RecordHeaderError
		remote    *net.OpError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s: is the proxy running, with an admin listener there?", u.Host)
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is of an unknown authority: name a file with it by --ca-file", u.Host)
	case errors.As(err, &misnamed):
		return fmt.Errorf("the certificate of %s is for other names: ask by one that it has (%w)", u.Host, misnamed)
	case errors.As(err, &unusable):
		return fmt.Errorf("the certificate of %s cannot be used: %w", u.Host, unusable)
	case errors.As(err, &plainHTTP), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s does not speak TLS: say http:// in --admin, or set admin.tls where the proxy runs", u.Host)
	case errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Error(), "certificate"):
		return fmt.Errorf("%s does not accept the certificate of this command, or requires one: name it with --cert-file and --key-file", u.Host)
	case errors.As(err, &failed):
		return fmt.Errorf("asking %s: %w", u.Host, failed.Err)
	}
	return err
}

// speaksTLS reports whether an answer is that of a server with TLS to a request without.
func speaksTLS(status int, body []byte) bool {
	return status == http.StatusBadRequest && strings.Contains(string(body), "HTTP request to an HTTPS server")
}

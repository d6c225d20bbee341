package flagsmith

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// causeOfCertificate returns why the other side's certificate was refused, "" when
// that is not what err is about. Names in certificates are shown: they are public.
func (c *Client) causeOfCertificate(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		algorithm x509.InsecureAlgorithmError
		verifying *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority):
		return c.causeOfAuthority(authority.Cert)
	case errors.As(err, &hostname):
		return causeOfName(hostname)
	case errors.As(err, &invalid):
		return causeOfInvalid(invalid)
	case errors.As(err, &algorithm):
		return "the certificate is signed with an insecure algorithm: have it issued again with SHA-256"
	case errors.As(err, &verifying):
		return "the certificate is not valid"
	default:
		return ""
	}
}

// causeOfAuthority returns what to do about a certificate of an unknown authority.
func (c *Client) causeOfAuthority(certificate *x509.Certificate) string {
	if problem := problemOfAuthorities(c.options.AuthorityFile); problem != "" {
		return problem
	}
	what := "the certificate comes from an authority that is not trusted here"
	switch {
	case certificate == nil:
	case certificate.CheckSignatureFrom(certificate) == nil:
		what = "the certificate is signed by itself and not trusted here"
	case certificate.Issuer.CommonName != "":
		what = fmt.Sprintf("the certificate comes from the authority %.80q, which is not trusted here", certificate.Issuer.CommonName)
	}
	if c.options.CAFile != "" {
		return fmt.Sprintf("%s: add it to %s, which api_tls.ca_file names, or have the server send the certificates in between", what, c.options.CAFile)
	}
	if c.options.AuthorityFile != "" {
		return fmt.Sprintf("%s: add it to %s, which SSL_CERT_FILE names, or have the server send the certificates in between", what, c.options.AuthorityFile)
	}
	return what + ": name its file in api_tls.ca_file"
}

// problemOfAuthorities returns why the file of SSL_CERT_FILE has no effect, "" when it
// has one. The library that reads it ignores what it cannot use.
func problemOfAuthorities(file string) string {
	if file == "" {
		return ""
	}
	text, err := os.ReadFile(file)
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	switch {
	case err != nil:
		return fmt.Sprintf("SSL_CERT_FILE names %s, which cannot be read: %v", file, err)
	case !x509.NewCertPool().AppendCertsFromPEM(text):
		return fmt.Sprintf("SSL_CERT_FILE names %s, which has no certificate in PEM form", file)
	default:
		return ""
	}
}

func causeOfName(err x509.HostnameError) string {
	var names []string
	names = append(names, err.Certificate.DNSNames...)
	for _, address := range err.Certificate.IPAddresses {
		names = append(names, address.String())
	}
	const most = 3
	switch {
	case len(names) == 0:
		return fmt.Sprintf("the certificate has no subject alternative names; its common name alone is not enough: have it issued with %q among them", err.Host)
	case len(names) > most:
		names = append(names[:most], "others")
	}
	return fmt.Sprintf("the certificate is for another host, %.200s: check api_url", strings.Join(names, ", "))
}

func causeOfInvalid(err x509.CertificateInvalidError) string {
	switch err.Reason {
	case x509.Expired:
		if notBefore := err.Cert.NotBefore; time.Now().Before(notBefore) {
			return fmt.Sprintf("the certificate is not valid at this time, but from %s: check the clock of this machine", notBefore.UTC().Format(time.RFC3339))
		}
		return fmt.Sprintf("the certificate is not valid at this time, but until %s: renew it, or check the clock of this machine", err.Cert.NotAfter.UTC().Format(time.RFC3339))
	case x509.IncompatibleUsage:
		return "the certificate is not meant for servers: have it issued with the extended key usage serverAuth"
	case x509.NotAuthorizedToSign:
		return "the certificate is signed by one that is not an authority's"
	case x509.CANotAuthorizedForThisName:
		return "the certificate's authority must not issue it for this name"
	default:
		return "the certificate is not valid"
	}
}

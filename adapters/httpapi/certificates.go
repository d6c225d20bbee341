package httpapi

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Certificates says which environments a client may use by its certificate. The server
// has verified the certificate.
type Certificates struct {
	// Required refuses environments to requests without a certificate, such as those on a
	// port without TLS.
	Required bool
	// Rules allow holders of certificates environments. When there are any, everything
	// that they do not allow is refused. With none, every certificate is allowed all.
	Rules []CertificateRule
}

// CertificateRule allows holders of certificates to use environments.
type CertificateRule struct {
	// SAN is a subject alternative name of the certificate: a URI such as a SPIFFE ID, or
	// a DNS name. A URI that ends with "/*" stands for all below that path, and "*." at the
	// beginning of a DNS name for one further label.
	SAN string
	// Environments are client-side keys, or "*" for all.
	Environments []string
}

// certificates decides by Certificates. The zero value allows everything.
type certificates struct {
	required bool
	rules    []certificateRule
}

type certificateRule struct {
	uri          *url.URL // nil: a DNS name
	below        bool     // uri stands for all below its path
	name         string   // in lower case
	wild         bool     // name follows one label
	all          bool
	environments []string
}

// newCertificates returns the decisions of c. It fails on a name that no certificate can
// have.
func newCertificates(c Certificates) (certificates, error) {
	decisions := certificates{required: c.Required}
	for _, r := range c.Rules {
		rule := certificateRule{environments: r.Environments, all: slices.Contains(r.Environments, "*")}
		var err error
		if strings.Contains(r.SAN, ":") {
			err = rule.parseURI(r.SAN)
		} else {
			err = rule.parseName(r.SAN)
		}
		if err != nil {
			return certificates{}, err
		}
		decisions.rules = append(decisions.rules, rule)
	}
	return decisions, nil
}

// CheckCertificateRules returns an error about the first rule whose name no certificate
// can have.
func CheckCertificateRules(rules []CertificateRule) error {
	_, err := newCertificates(Certificates{Rules: rules})
	return err
}

func (r *certificateRule) parseURI(text string) error {
	text, r.below = strings.CutSuffix(text, "/*")
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.RawPath != "" || strings.Contains(text, "*") {
		return fmt.Errorf("%q is not a URI of a certificate: allowed are a scheme, a host and a path, with * as the last part of the path only, such as spiffe://example.org/shop/*", text)
	}
	r.uri = u
	return nil
}

func (r *certificateRule) parseName(text string) error {
	r.name, r.wild = strings.CutPrefix(strings.ToLower(text), "*.")
	for label := range strings.SplitSeq(r.name, ".") {
		if label == "" || strings.ContainsFunc(label, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) {
			return fmt.Errorf("%q is not a DNS name of a certificate: allowed are names such as shop.example.org, and *.example.org for all names with one more part", text)
		}
	}
	return nil
}

// The errors about certificates.
var (
	errNoCertificate    = refused(http.StatusForbidden, "forbidden", "a client certificate is required").as(unfitCertificate)
	errWrongCertificate = refused(http.StatusForbidden, "forbidden", "the client certificate does not allow this environment").as(unfitCertificate)
)

// admit returns nil if the client may use an environment. Errors: errNoCertificate,
// errWrongCertificate.
func (c *certificates) admit(state *tls.ConnectionState, environment domain.EnvironmentKey) error {
	if !c.required && len(c.rules) == 0 {
		return nil
	}
	if state == nil || len(state.VerifiedChains) == 0 {
		return errNoCertificate
	}
	if len(c.rules) == 0 {
		return nil
	}
	leaf := state.VerifiedChains[0][0]
	for i := range c.rules {
		if r := &c.rules[i]; (r.all || slices.Contains(r.environments, string(environment))) && r.matches(leaf) {
			return nil
		}
	}
	return errWrongCertificate
}

// matches reports whether the certificate has a name that the rule is about.
func (r *certificateRule) matches(leaf *x509.Certificate) bool {
	if r.uri != nil {
		return slices.ContainsFunc(leaf.URIs, r.matchesURI)
	}
	return slices.ContainsFunc(leaf.DNSNames, r.matchesName)
}

func (r *certificateRule) matchesURI(u *url.URL) bool {
	if u.Scheme != r.uri.Scheme || !strings.EqualFold(u.Host, r.uri.Host) || u.User != nil || u.RawPath != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	if !r.below {
		return u.Path == r.uri.Path
	}
	rest, ok := strings.CutPrefix(u.Path, r.uri.Path)
	return ok && len(rest) > 1 && rest[0] == '/'
}

func (r *certificateRule) matchesName(name string) bool {
	if r.wild {
		label, rest, ok := strings.Cut(name, ".")
		if !ok || label == "" || label == "*" {
			return false
		}
		name = rest
	}
	return strings.EqualFold(name, r.name)
}

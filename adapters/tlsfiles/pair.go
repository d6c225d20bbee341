package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// ReadFile reads a file as os.ReadFile does.
type ReadFile func(name string) ([]byte, error)

// readPair reads a certificate and its key, which have to belong together. The error
// names the file that is wrong, and never has a part of the key.
func readPair(read ReadFile, certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := readText(read, certFile)
	if err != nil {
		return nil, err
	}
	key, err := readText(read, keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate in %s and the key in %s cannot be used: %s", certFile, keyFile, causeOfPair(err))
	}
	return &pair, nil
}

// causeOfPair explains an error of tls.X509KeyPair.
func causeOfPair(err error) string {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case strings.Contains(text, "does not match"):
		return "they do not belong together"
	case strings.Contains(text, "failed to find any PEM data in key"), strings.Contains(text, "failed to find PEM block with type ending in"):
		return "the key's file has no private key in PEM form"
	case strings.Contains(text, "failed to find any PEM data in certificate"), strings.Contains(text, `failed to find "CERTIFICATE" PEM block`):
		return "the certificate's file has no certificate in PEM form"
	case strings.Contains(text, "failed to parse private key"):
		return "the private key has an unknown form; a key with a passphrase must be stored without one"
	}
	return text
}

// readAuthorities reads certificates of authorities.
func readAuthorities(read ReadFile, name string, pool *x509.CertPool) error {
	text, err := readText(read, name)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has no certificate in PEM form", name)
	}
	return nil
}

func readText(read ReadFile, name string) ([]byte, error) {
	text, err := read(name)
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	case len(strings.TrimSpace(string(text))) == 0:
		return nil, fmt.Errorf("%s is empty", name)
	}
	return text, nil
}

// checkUsage returns an error for a certificate that its holder must not use that way.
func checkUsage(leaf *x509.Certificate, usage x509.ExtKeyUsage, word string) error {
	allowed := leaf.ExtKeyUsage
	if len(allowed)+len(leaf.UnknownExtKeyUsage) == 0 || slices.Contains(allowed, usage) || slices.Contains(allowed, x509.ExtKeyUsageAny) {
		return nil
	}
	return fmt.Errorf("the certificate is not meant for %ss: have it issued with the extended key usage %sAuth", word, word)
}

// checkTime returns an error for a certificate that is not valid at that time.
func checkTime(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired at %s: renew it, or check the clock of this machine", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is valid from %s only: check the clock of this machine", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// namesOf returns the names that clients check: DNS names, addresses and URIs.
func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	return names
}

package redis

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
)

// readFile reads a whole file, see ports.StoreDeps.
type readFile = func(name string) ([]byte, error)

// tlsConfig makes the configuration of one connection to addr from the files as
// they are now: a certificate that was renewed counts from the next connection.
func (l *location) tlsConfig(addr string, read readFile) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: l.serverName}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
	}
	if l.caFile != "" {
		pem, err := read(l.caFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM form", l.caFile)
		}
	}
	if l.certFile != "" {
		cert, err := read(l.certFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file: %w", err)
		}
		key, err := read(l.keyFile)
		if err != nil {
			return nil, fmt.Errorf("key_file: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("cert_file and key_file: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

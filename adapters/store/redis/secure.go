package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

// readFile reads a whole file, see ports.StoreDeps.
type readFile = func(name string) ([]byte, error)

// withUser returns read with errors that name the user who lacks a permission.
func withUser(read readFile) readFile {
	return func(name string) ([]byte, error) {
		content, err := read(name)
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: the user that this program runs as (uid %d) must be able to read the file", err, os.Getuid())
		}
		return content, err
	}
}

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

package tlsfiles

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// ServerOptions says how a listener speaks TLS.
type ServerOptions struct {
	// CertFile has the certificate and those between it and its authority, KeyFile its
	// key, in PEM form.
	CertFile, KeyFile string
	// ClientCAFile has the authorities that sign certificates of clients. "" only with
	// AuthNone.
	ClientCAFile string
	// ClientAuth says whether clients need a certificate.
	ClientAuth ClientAuth
	// MinVersion is the least version: tls.VersionTLS12 or tls.VersionTLS13.
	MinVersion uint16
	// NextProtos are the protocols that ALPN offers, the preferred one first.
	NextProtos []string
	// Logger receives reloads and failed handshakes. With nil they are dropped.
	Logger *slog.Logger
	// Now returns the time. Nil means time.Now.
	Now func() time.Time
}

// ClientAuth says whether clients need a certificate. One that is sent is always verified,
// unless it is AuthNone.
type ClientAuth string

// The values of ClientAuth.
const (
	AuthNone    ClientAuth = "none"    // clients are not asked for one
	AuthRequest ClientAuth = "request" // clients may send one
	AuthRequire ClientAuth = "require" // clients must send one
)

// Server is the TLS configuration of a listener, from files. Its methods are safe for
// concurrent use, except that Reload must not be called concurrently with itself.
type Server struct {
	options ServerOptions
	config  *tls.Config
	current atomic.Pointer[tls.Config]
	stats   counters
	failing failing
}

// OpenServer reads the files and returns a Server. A certificate that has expired is
// served, with a warning: that is better than a proxy that does not start, and clients
// decide.
func OpenServer(o ServerOptions, read ReadFile) (*Server, error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, failing: failing{logger: o.Logger, now: o.Now}}
	next, err := s.read(read)
	if err != nil {
		return nil, err
	}
	if err := checkTime(leafOf(next), o.Now()); err != nil {
		o.Logger.Warn("tls_certificate_not_valid", "file", o.CertFile, "error", err, "effect", "it is served all the same; clients will refuse it")
	}
	s.current.Store(next)
	s.config = &tls.Config{
		MinVersion: o.MinVersion,
		// Each handshake uses one configuration to its end. The keys of session tickets
		// are those of this one, so sessions outlive a reload.
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current.Load(), nil },
	}
	return s, nil
}

// Config returns the configuration for the listener. It is the same after a reload.
func (s *Server) Config() *tls.Config { return s.config }

// Reload reads the files again. Further handshakes use what they hold, and connections
// that are open stay. If the files cannot be used, or the certificate is not valid now,
// nothing changes and the error says why. Both outcomes are logged and counted.
func (s *Server) Reload(read ReadFile) error {
	now, before := s.options.Now(), s.current.Load()
	next, err := s.read(read)
	if err == nil {
		err = checkTime(leafOf(next), now)
	}
	if err != nil {
		s.stats.failed.Add(1)
		s.options.Logger.Error("tls_reload_failed", "error", err, "effect", "nothing has changed: the former certificate is served",
			"not_after", leafOf(before).NotAfter.UTC().Format(time.RFC3339))
		return err
	}
	s.current.Store(next)
	s.stats.reloaded.Add(1)
	leaf := leafOf(next)
	s.options.Logger.Info("tls_reloaded", "names", strings.Join(namesOf(leaf), ", "), "not_after", leaf.NotAfter.UTC().Format(time.RFC3339))
	if lost := lostNames(leafOf(before), leaf); len(lost) > 0 {
		s.options.Logger.Warn("tls_certificate_names_lost", "names", strings.Join(lost, ", "), "effect", "clients that use these names will refuse the new certificate")
	}
	return nil
}

// read returns the configuration that the files result in.
func (s *Server) read(read ReadFile) (*tls.Config, error) {
	o := s.options
	pair, err := readPair(read, o.CertFile, o.KeyFile)
	if err != nil {
		return nil, err
	}
	if err := checkUsage(pair.Leaf, x509.ExtKeyUsageServerAuth, "server"); err != nil {
		return nil, fmt.Errorf("%s: %w", o.CertFile, err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{*pair}, NextProtos: o.NextProtos, MinVersion: o.MinVersion,
		// Answers fit into a few records. Small ones first would be a system call each.
		DynamicRecordSizingDisabled: true,
	}
	switch o.ClientAuth {
	case AuthRequest:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case AuthRequire:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return c, nil
	}
	c.ClientCAs = x509.NewCertPool()
	return c, readAuthorities(read, o.ClientCAFile, c.ClientCAs)
}

// HandshakeFailed counts a handshake that failed with err, and logs failures from time to
// time.
func (s *Server) HandshakeFailed(err error) {
	reason := reasonOf(err)
	s.stats.handshakes[reason].Add(1)
	s.failing.report(reason, err)
}

// leafOf returns the certificate of a configuration that read returned.
func leafOf(c *tls.Config) *x509.Certificate { return c.Certificates[0].Leaf }

// lostNames returns the names of a certificate that the next one does not have.
func lostNames(before, next *x509.Certificate) []string {
	have := namesOf(next)
	return slices.DeleteFunc(namesOf(before), func(name string) bool {
		return slices.Contains(have, name) || next.VerifyHostname(name) == nil
	})
}

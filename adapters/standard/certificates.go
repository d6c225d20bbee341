package standard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
)

// certificates are what the files of server.tls and api_tls hold. Each has a reading of
// its own, so that certificates are replaced whatever is wrong with the configuration, and
// with each other.
type certificates struct {
	server *tlsfiles.Server // nil: server.port is without TLS
	api    *tlsfiles.Client // nil: the system's certificates

	serverRead, apiRead   config.Reading
	serverAgain, apiAgain chan struct{} // has a message when the files are to be read in any case
	logger                *slog.Logger
}

// openCertificates reads the certificates that the settings name.
func openCertificates(s config.Settings, logger *slog.Logger) (*certificates, error) {
	c := &certificates{logger: logger, serverAgain: make(chan struct{}, 1), apiAgain: make(chan struct{}, 1)}
	var err error
	if t := s.Server.TLS; t.CertFile != "" {
		c.server, err = tlsfiles.OpenServer(tlsfiles.ServerOptions{
			CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile,
			ClientAuth: tlsfiles.ClientAuth(t.ClientAuth), MinVersion: versionsOfTLS()[t.MinVersion],
			NextProtos: httpserver.NextProtos(), Logger: logger,
		}, c.serverRead.ReadFile)
		if err != nil {
			return nil, fmt.Errorf("server.tls: %w", err)
		}
	}
	if t := s.APITLS; t != (config.APITLS{}) {
		c.api, err = tlsfiles.OpenClient(tlsfiles.ClientOptions{
			CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, Logger: logger,
		}, c.apiRead.ReadFile)
		if err != nil {
			return nil, fmt.Errorf("api_tls: %w", err)
		}
	}
	return c, nil
}

// versionsOfTLS returns the versions by their names in server.tls.min_version.
func versionsOfTLS() map[string]uint16 {
	return map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
}

// ofServer returns how server.port speaks TLS, nil if it does not.
func (c *certificates) ofServer() *httpserver.TLS {
	if c.server == nil {
		return nil
	}
	return &httpserver.TLS{Config: c.server.Config(), Failed: c.server.HandshakeFailed}
}

// ofAPI returns the configuration of connections to upstream as flagsmith.Options has it.
func (c *certificates) ofAPI() func() *tls.Config {
	if c == nil || c.api == nil {
		return nil
	}
	return c.api.Config
}

// settleCertificates is the quiet time that ends a change of certificates. It is short,
// since nothing but the pair itself has to arrive, and long enough to write one.
const settleCertificates = 100 * time.Millisecond

// readAgain has all files read again at once, changed or not. It does not wait for that.
// It is safe for concurrent use.
func (c *certificates) readAgain() {
	for _, again := range []chan struct{}{c.serverAgain, c.apiAgain} {
		select {
		case again <- struct{}{}:
		default: // one that nobody has seen yet
		}
	}
}

// follow reads files again when they have changed, or readAgain is called, until ctx ends.
func (c *certificates) follow(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if c.server != nil {
			c.followFiles(ctx, &c.serverRead, c.serverAgain, c.server.Reload)
		}
	}()
	if c.api != nil {
		c.followFiles(ctx, &c.apiRead, c.apiAgain, c.api.Reload)
	}
	<-ended
}

// followFiles calls reload, which logs what comes of it, whenever one of the files that a
// reading asked for has changed, and for each message of again.
func (c *certificates) followFiles(ctx context.Context, reading *config.Reading, again <-chan struct{}, reload func(tlsfiles.ReadFile) error) {
	var warning sync.Once
	degraded := func(err error) {
		warning.Do(func() {
			c.logger.WarnContext(ctx, "tls_watch_degraded", "error", err, "effect", "files of certificates are looked at every few seconds")
		})
	}
	seen := reading.Files()
	for {
		changed := waitForChange(ctx, seen, again, degraded)
		if ctx.Err() != nil {
			return
		}
		reading = reading.Again()
		_ = reload(reading.ReadFile)
		seen = seen.Merge(changed).Merge(reading.Files())
	}
}

// waitForChange returns files as they are when one of them has changed, after a message of
// again or at the end of ctx.
func waitForChange(ctx context.Context, files config.Files, again <-chan struct{}, degraded func(error)) config.Files {
	watching, stop := context.WithCancel(ctx)
	changed := make(chan config.Files, 1)
	go func() { // ends with watching
		now, err := files.Watch(watching, settleCertificates, degraded)
		if err != nil {
			now = files
		}
		changed <- now
	}()
	select {
	case now := <-changed:
		stop()
		return now
	case <-again:
		stop()
		return <-changed
	}
}

// checkTLS finds settings of server.tls that contradict each other. It reads no file.
func checkTLS(s config.Settings) error {
	t := s.Server.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("server.tls.cert_file and server.tls.key_file belong together: set both, or neither")
	}
	if t.CertFile == "" {
		for _, need := range []struct {
			key   string
			isSet bool
		}{
			{"server.http_port", s.Server.HTTPPort.Chosen}, {"server.tls.client_ca_file", t.ClientCAFile != ""},
			{"server.tls.client_auth", t.ClientAuth != string(tlsfiles.AuthNone)}, {"server.tls.clients", len(t.Clients) > 0},
		} {
			if need.isSet {
				return fmt.Errorf("%s is set, and needs server.tls.cert_file and server.tls.key_file: without them server.port speaks plain HTTP", need.key)
			}
		}
		return nil
	}
	switch asks := t.ClientAuth != string(tlsfiles.AuthNone); {
	case asks && t.ClientCAFile == "":
		return fmt.Errorf("server.tls.client_auth is %q, and needs server.tls.client_ca_file to verify certificates with", t.ClientAuth)
	case !asks && t.ClientCAFile != "":
		return errors.New(`server.tls.client_ca_file is set, and needs server.tls.client_auth to be "request" or "require"`)
	case !asks && len(t.Clients) > 0:
		return errors.New(`server.tls.clients is set, and needs server.tls.client_auth to be "request" or "require"`)
	case s.Server.HTTPPort.Chosen && s.Server.HTTPPort.Number == s.Server.Port && s.Server.Port != 0:
		return errors.New("server.http_port is the same as server.port: each needs a port of its own")
	}
	if err := httpapi.CheckCertificateRules(certificateRules(s)); err != nil {
		return fmt.Errorf("server.tls.clients: %w", err)
	}
	return nil
}

// checkAPITLS finds settings of api_tls that contradict each other. It reads no file.
func checkAPITLS(s config.Settings) error {
	if (s.APITLS.CertFile == "") != (s.APITLS.KeyFile == "") {
		return errors.New("api_tls.cert_file and api_tls.key_file belong together: set both, or neither")
	}
	return nil
}

// certificateRules returns server.tls.clients as the HTTP interface takes it.
func certificateRules(s config.Settings) []httpapi.CertificateRule {
	rules := make([]httpapi.CertificateRule, 0, len(s.Server.TLS.Clients))
	for _, r := range s.Server.TLS.Clients {
		rules = append(rules, httpapi.CertificateRule{SAN: r.SAN, Environments: r.Environments})
	}
	return rules
}

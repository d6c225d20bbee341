package standard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
)

// certificates are what the files of server.tls, admin.tls and api_tls hold.
type certificates struct {
	server *tlsfiles.Server // nil: server.port is without TLS
	admin  *tlsfiles.Server // nil: admin.port is without TLS
	api    *tlsfiles.Client // nil: the system's certificates

	followed []*followedFiles // of those that are not nil
	logger   *slog.Logger
}

// followedFiles are the files of one section. They have a reading of their own, so that
// certificates are replaced whatever is wrong with the configuration, and with each other.
type followedFiles struct {
	reading config.Reading
	again   chan struct{} // has a message when the files are to be read in any case
	reload  func(tlsfiles.ReadFile) error
}

// read has open read the files of a section, which are followed from then on.
func (c *certificates) read(section string, open func(read tlsfiles.ReadFile) (reload func(tlsfiles.ReadFile) error, err error)) error {
	f := &followedFiles{again: make(chan struct{}, 1)}
	var err error
	if f.reload, err = open(f.reading.ReadFile); err != nil {
		return fmt.Errorf("%s: %w", section, err)
	}
	c.followed = append(c.followed, f)
	return nil
}

// openCertificates reads the certificates that the settings name.
func openCertificates(s config.Settings, logger *slog.Logger) (*certificates, error) {
	c := &certificates{logger: logger}
	listener := func(section string, o tlsfiles.ServerOptions) (server *tlsfiles.Server, err error) {
		if o.CertFile == "" {
			return nil, nil
		}
		err = c.read(section, func(read tlsfiles.ReadFile) (reload func(tlsfiles.ReadFile) error, err error) {
			server, err = tlsfiles.OpenServer(o, read)
			return server.Reload, err
		})
		return server, err
	}
	var err error
	t, a := s.Server.TLS, s.Admin.TLS
	if c.server, err = listener("server.tls", tlsfiles.ServerOptions{
		CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile, ClientAuth: tlsfiles.ClientAuth(t.ClientAuth),
		MinVersion: versionsOfTLS()[t.MinVersion], NextProtos: httpserver.NextProtos(), Logger: logger,
	}); err != nil {
		return nil, err
	}
	if c.admin, err = listener("admin.tls", tlsfiles.ServerOptions{
		CertFile: a.CertFile, KeyFile: a.KeyFile, ClientCAFile: a.ClientCAFile, ClientAuth: tlsfiles.ClientAuth(a.ClientAuth),
		MinVersion: versionsOfTLS()[a.MinVersion], NextProtos: []string{"http/1.1"}, Logger: logger.With("listener", "admin"),
	}); err != nil {
		return nil, err
	}
	if t := s.APITLS; t != (config.APITLS{}) {
		if err := c.read("api_tls", func(read tlsfiles.ReadFile) (reload func(tlsfiles.ReadFile) error, err error) {
			c.api, err = tlsfiles.OpenClient(tlsfiles.ClientOptions{
				CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, Logger: logger,
			}, read)
			return c.api.Reload, err
		}); err != nil {
			return nil, err
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

// ofAdmin returns the configuration of the admin listener, nil if it is without TLS.
func (c *certificates) ofAdmin() *tls.Config {
	if c.admin == nil {
		return nil
	}
	return c.admin.Config()
}

// ofListeners returns the files of the listeners that have TLS, by the names that metrics
// have for them.
func (c *certificates) ofListeners() map[string]*tlsfiles.Server {
	all := map[string]*tlsfiles.Server{"server": c.server, "admin": c.admin}
	maps.DeleteFunc(all, func(_ string, s *tlsfiles.Server) bool { return s == nil })
	return all
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
	for _, f := range c.followed {
		select {
		case f.again <- struct{}{}:
		default: // one that nobody has seen yet
		}
	}
}

// follow reads files again when they have changed, or readAgain is called, until ctx ends.
func (c *certificates) follow(ctx context.Context) {
	var all sync.WaitGroup
	for _, f := range c.followed {
		all.Go(func() { c.followFiles(ctx, &f.reading, f.again, f.reload) })
	}
	all.Wait()
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
	if err := checkListener("server", t.CertFile, t.KeyFile, t.ClientCAFile, t.ClientAuth,
		setting{"server.http_port", s.Server.HTTPPort.Chosen}, setting{"server.tls.clients", len(t.Clients) > 0}); err != nil {
		return err
	}
	switch {
	case t.CertFile == "":
		return nil
	case t.ClientAuth == string(tlsfiles.AuthNone) && len(t.Clients) > 0:
		return errors.New(`server.tls.clients is set, and needs server.tls.client_auth to be "request" or "require"`)
	case s.Server.HTTPPort.Chosen && s.Server.HTTPPort.Number == s.Server.Port && s.Server.Port != 0:
		return errors.New("server.http_port is the same as server.port: each needs a port of its own")
	}
	if err := httpapi.CheckCertificateRules(certificateRules(s)); err != nil {
		return fmt.Errorf("server.tls.clients: %w", err)
	}
	return nil
}

// checkAdminTLS is checkTLS for admin.tls.
func checkAdminTLS(s config.Settings) error {
	t := s.Admin.TLS
	return checkListener("admin", t.CertFile, t.KeyFile, t.ClientCAFile, t.ClientAuth)
}

// setting is whether a setting is set.
type setting struct {
	key   string
	isSet bool
}

// checkListener finds settings of a section's tls that contradict each other. others are
// further settings that need a certificate.
func checkListener(section, certFile, keyFile, clientCAFile, clientAuth string, others ...setting) error {
	prefix := section + ".tls."
	asks := clientAuth != string(tlsfiles.AuthNone)
	switch {
	case (certFile == "") != (keyFile == ""):
		return fmt.Errorf("%[1]scert_file and %[1]skey_file belong together: set both, or neither", prefix)
	case certFile == "":
		for _, need := range append([]setting{{prefix + "client_ca_file", clientCAFile != ""}, {prefix + "client_auth", asks}}, others...) {
			if need.isSet {
				return fmt.Errorf("%s is set, and needs %[2]scert_file and %[2]skey_file: without them %[3]s.port speaks plain HTTP", need.key, prefix, section)
			}
		}
		return nil
	case asks && clientCAFile == "":
		return fmt.Errorf("%[1]sclient_auth is %[2]q, and needs %[1]sclient_ca_file to verify certificates with", prefix, clientAuth)
	case !asks && clientCAFile != "":
		return fmt.Errorf(`%[1]sclient_ca_file is set, and needs %[1]sclient_auth to be "request" or "require"`, prefix)
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

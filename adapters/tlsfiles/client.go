package tlsfiles

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// ClientOptions says how outgoing connections speak TLS. With all files "" they do it as
// they would without.
type ClientOptions struct {
	// CAFile has authorities that are trusted beside those of the system.
	CAFile string
	// CertFile and KeyFile have the certificate that is sent to servers that ask for one,
	// and its key. Both or neither are "".
	CertFile, KeyFile string
	// Logger receives reloads. With nil they are dropped.
	Logger *slog.Logger
	// Now returns the time. Nil means time.Now.
	Now func() time.Time
}

// Client is the TLS configuration of outgoing connections, from files. Its methods are
// safe for concurrent use, except that Reload must not be called concurrently with itself.
type Client struct {
	options ClientOptions
	current atomic.Pointer[tls.Config]
}

// OpenClient reads the files and returns a Client.
func OpenClient(o ClientOptions, read ReadFile) (*Client, error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Client{options: o}
	next, err := c.read(read)
	if err != nil {
		return nil, err
	}
	c.current.Store(next)
	return c, nil
}

// Config returns the configuration for new connections: the same pointer until a reload.
// It must not be changed.
func (c *Client) Config() *tls.Config { return c.current.Load() }

// Reload reads the files again, for further connections. If they cannot be used, or the
// certificate is not valid now, nothing changes and the error says why. Both outcomes are
// logged.
func (c *Client) Reload(read ReadFile) error {
	next, err := c.read(read)
	if err == nil && len(next.Certificates) > 0 {
		err = checkTime(leafOf(next), c.options.Now())
	}
	if err != nil {
		c.options.Logger.Error("api_tls_reload_failed", "error", err, "effect", "nothing has changed: the former certificates are used")
		return err
	}
	c.current.Store(next)
	c.options.Logger.Info("api_tls_reloaded", "effect", "further requests use the new certificates")
	return nil
}

// read returns the configuration that the files result in.
func (c *Client) read(read ReadFile) (*tls.Config, error) {
	o := c.options
	// Sessions belong to the configuration: one with other authorities begins without.
	config := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if o.CAFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil { // the system has none
			pool = x509.NewCertPool()
		}
		if err := readAuthorities(read, o.CAFile, pool); err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if o.CertFile != "" {
		pair, err := readPair(read, o.CertFile, o.KeyFile)
		if err != nil {
			return nil, err
		}
		if err := checkUsage(pair.Leaf, x509.ExtKeyUsageClientAuth, "client"); err != nil {
			return nil, fmt.Errorf("%s: %w", o.CertFile, err)
		}
		config.Certificates = []tls.Certificate{*pair}
	}
	return config, nil
}

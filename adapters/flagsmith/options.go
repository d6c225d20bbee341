package flagsmith

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options are the settings of a Client.
type Options struct {
	// APIURL is the address of the API (api_url), such as
	// https://edge.api.flagsmith.com/api/v1, with or without a slash at its end.
	// Its scheme, host and port are the configured origin, the only place keys
	// are sent to. A user name and password in it go there as basic
	// authentication. New keeps a copy.
	APIURL *url.URL
	// Timeout bounds one request as a whole, from the connection over redirects
	// to the last byte of the body (api_poll_timeout_seconds). Every page of a
	// document is a request of its own.
	Timeout time.Duration
	// MaxDocumentBytes bounds a document: uncompressed, pages merged
	// (max_document_bytes).
	MaxDocumentBytes int64
	// UserAgent names this program and its version.
	UserAgent string
	// ProxyKey returns the key that is sent with requests for discovered environments,
	// in addition to their own (proxy_key), or "". It is called for each request. It is
	// a function so that formatting Options shows no secret. It may be nil.
	ProxyKey func() string
	// Proxy says which requests go through a forward proxy.
	Proxy ProxySettings
	// MaxIdleConnections is how many connections to one host stay open between
	// requests; 0 is 16. It does not bound the number of concurrent requests.
	MaxIdleConnections int
	// TLS returns the configuration for connections: for certificates other than the
	// system's. It is called for each request. When it returns another pointer, further
	// requests use new connections. It must be safe for concurrent use, and what it returns
	// must not change. Nil means the system's certificates.
	TLS func() *tls.Config
	// CAFile is the file of the authorities in TLS (api_tls.ca_file), for errors; "" without.
	CAFile string
	// AuthorityFile is the file of trusted authorities (SSL_CERT_FILE). The TLS library
	// reads it by itself; here it is for errors. "" means that the variable is not set.
	AuthorityFile string
	// Propagate adds the trace of a context to the header of a request for a document; it
	// may be nil. What it adds also goes to where redirects lead.
	Propagate func(ctx context.Context, header http.Header)
	// Dial opens the connections to upstream and to forward proxies; nil is a
	// net.Dialer with the time-out.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// String returns the address of the API without user name and password. Other
// options may be secrets.
func (o Options) String() string {
	if o.APIURL == nil {
		return "{}"
	}
	return "{" + show(o.APIURL) + o.APIURL.EscapedPath() + "}"
}

// GoString is String.
func (o Options) GoString() string { return "flagsmith.Options" + o.String() }

const defaultIdleConnections = 16

func (o Options) check() error {
	switch {
	case o.APIURL == nil:
		return errors.New("api_url is missing")
	case o.APIURL.Scheme != "http" && o.APIURL.Scheme != "https":
		return fmt.Errorf("api_url must begin with http:// or https://, not %q", o.APIURL.Scheme)
	case o.APIURL.Hostname() == "":
		return errors.New("api_url names no host")
	case o.APIURL.RawQuery != "" || o.APIURL.Fragment != "":
		return errors.New("api_url must not have a query or a fragment")
	case o.Timeout <= 0:
		return fmt.Errorf("api_poll_timeout_seconds must be positive, not %v", o.Timeout)
	case o.MaxDocumentBytes <= 0:
		return fmt.Errorf("max_document_bytes must be positive, not %d", o.MaxDocumentBytes)
	}
	return nil
}

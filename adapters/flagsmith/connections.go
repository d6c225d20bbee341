package flagsmith

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// lifetime is how long connections are used for new requests. Without a bound, a
// client that polls more often than idle connections end would never resolve the
// host's name again. At the default interval of 10 s every second poll does; a shorter
// bound would cost every poll a TLS handshake.
const lifetime = 15 * time.Second

// connections are the connections to upstream and to forward proxies. After lifetime,
// after a request that got no answer in time, and after a change of the certificates, new
// requests use new connections.
// Requests under way end on the connections that they began on. It is safe for
// concurrent use.
type connections struct {
	open     func(*tls.Config) *http.Transport
	settings func() *tls.Config

	mu      sync.Mutex
	current *http.Transport
	with    *tls.Config // the settings of current
	made    time.Time
}

func newConnections(o Options, proxies proxies) *connections {
	settings := o.TLS
	if settings == nil {
		// With a cache, so that a new connection to the same host needs no full handshake.
		system := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
		settings = func() *tls.Config { return system }
	}
	c := &connections{
		open:     func(t *tls.Config) *http.Transport { return newTransport(o, proxies, t) },
		settings: settings,
	}
	c.openLocked()
	return c
}

// RoundTrip implements http.RoundTripper.
func (c *connections) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.transport().RoundTrip(r)
}

// transport returns the transport for a new request.
func (c *connections) transport() *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.made) >= lifetime || c.settings() != c.with {
		c.renewLocked()
	}
	return c.current
}

// renew makes new requests use new connections. A connection that is dead without
// having been closed, as a firewall leaves them, shows in requests that time out. With
// HTTP/2 all requests would wait for it.
func (c *connections) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewLocked()
}

func (c *connections) renewLocked() {
	c.current.CloseIdleConnections() // and those in use once they are idle
	c.openLocked()
}

func (c *connections) openLocked() {
	c.with = c.settings()
	c.current, c.made = c.open(c.with), time.Now()
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.CloseIdleConnections()
}

func newTransport(o Options, proxies proxies, settings *tls.Config) *http.Transport {
	const (
		pingAfter   = 15 * time.Second // silence on an HTTP/2 connection before it is probed
		idleTimeout = 90 * time.Second
		maxHeader   = 1 << 20
	)
	return &http.Transport{
		Proxy:               func(r *http.Request) (*url.URL, error) { return proxies.choose(r.URL), nil },
		DialContext:         o.Dial,
		TLSClientConfig:     settings.Clone(),
		TLSHandshakeTimeout: o.Timeout,

		ForceAttemptHTTP2: true,
		// A firewall may have forgotten the connection of an event stream.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},

		MaxIdleConnsPerHost:    o.MaxIdleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		// Bodies are decompressed by readBody, which bounds them.
		DisableCompression: true,

		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			return &failure{
				cause:   causeOfProxyStatus(answer.StatusCode),
				reached: ports.OutcomeProxy,
				err:     fmt.Errorf("the forward proxy answered %d", answer.StatusCode),
			}
		},
	}
}

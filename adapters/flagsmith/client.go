// Package flagsmith speaks to a Flagsmith API over HTTP. It fetches environment
// documents: with redirects, pages, compression and limits, and with errors that
// say what to do. Scheduling, retries and judging documents are the
// application's.
//
// One rule runs through all of it: a key goes to the configured origin only, and
// is in no error.
package flagsmith

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Client is an API of Flagsmith. It is safe for concurrent use.
type Client struct {
	api       *url.URL // without user information
	origin    origin   // of api
	userinfo  *url.Userinfo
	options   Options
	transport *http.Transport
}

var _ ports.Upstream = (*Client)(nil)

// New returns a Client. It connects to nothing. The error names the setting that
// is wrong, and no password.
func New(o Options) (*Client, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	proxies, err := o.Proxy.parse()
	if err != nil {
		return nil, err
	}
	if o.MaxIdleConnections <= 0 {
		o.MaxIdleConnections = defaultIdleConnections
	}
	if o.Dial == nil {
		// A dial may outlive the request it was for, so it has a bound of its own.
		o.Dial = (&net.Dialer{Timeout: o.Timeout}).DialContext
	}
	if o.UserAgent == "" {
		o.UserAgent = "edge-proxy"
	}
	api := *o.APIURL
	api.User = nil
	return &Client{
		api:       &api,
		origin:    originOf(&api),
		userinfo:  o.APIURL.User,
		options:   o,
		transport: newTransport(o, proxies),
	}, nil
}

// Close closes the connections that are kept open. Requests under way end as they
// would have, and their connections are closed then, or after a while unused.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

func newTransport(o Options, proxies proxies) *http.Transport {
	const (
		pingAfter   = 15 * time.Second // silence on an HTTP/2 connection before it is probed
		idleTimeout = 90 * time.Second
		maxHeader   = 1 << 20
	)
	t := &http.Transport{
		Proxy:               func(r *http.Request) (*url.URL, error) { return proxies.choose(r.URL), nil },
		DialContext:         o.Dial,
		TLSHandshakeTimeout: o.Timeout,

		ForceAttemptHTTP2: true,
		// Without probing, the client would keep sending requests into a
		// connection that a firewall has forgotten.
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
				cause: causeOfProxyStatus(answer.StatusCode),
				err:   fmt.Errorf("the forward proxy answered %d", answer.StatusCode),
			}
		},
	}
	if o.TLS != nil {
		t.TLSClientConfig = o.TLS.Clone()
	}
	return t
}

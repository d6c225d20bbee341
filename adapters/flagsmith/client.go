// Package flagsmith speaks to a Flagsmith API over HTTP. It fetches environment
// documents: with redirects, pages, compression and limits, and with errors that
// say what to do. Scheduling, retries and judging documents are the
// application's.
//
// One rule runs through all of it: a key goes to the configured origin only, and
// is in no error.
package flagsmith

import (
	"net"
	"net/url"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Client is an API of Flagsmith. It is safe for concurrent use.
type Client struct {
	api         *url.URL // without user information
	origin      origin   // of api
	userinfo    *url.Userinfo
	options     Options
	proxies     proxies
	connections *connections
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
		api:         &api,
		origin:      originOf(&api),
		userinfo:    o.APIURL.User,
		options:     o,
		proxies:     proxies,
		connections: newConnections(o, proxies),
	}, nil
}

// Close closes the connections that are kept open. Requests under way end as they
// would have, and their connections are closed then, or after a while unused.
func (c *Client) Close() { c.connections.close() }

package flagsmith

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Route is what a Probe found on the way to the API. It holds no secrets.
type Route struct {
	// Proxy is the forward proxy that requests take, as scheme, host and port; "": they
	// go to the API directly.
	Proxy string
	// Host and Port are where connections are made to: the forward proxy, or else the API.
	Host, Port string
	// Addresses are those that Host resolves to, or the one that it is.
	Addresses   []string
	ResolveTook time.Duration
	ResolveErr  error // why Host has no addresses
	// Dials are the connections that were tried, one for each address.
	Dials []Dial
	// Answer is the response to a request without a key; nil without one.
	Answer *Answer
	// AnswerErr is why no response came: a *ports.FetchError.
	AnswerErr error
}

// Dial is a connection that was tried.
type Dial struct {
	Address string // with the port
	Took    time.Duration
	Err     error
}

// Answer is a response of the API, of whatever status.
type Answer struct {
	Status   int
	Protocol string // such as HTTP/2.0
	Took     time.Duration
	// Certificate is the one that the API showed; nil without TLS.
	Certificate *x509.Certificate
}

// Probe goes the way to the API that requests go, step by step, and returns what it
// found. It sends no key. It takes no longer than a few times Options.Timeout, and ends
// with ctx.
func (c *Client) Probe(ctx context.Context) Route {
	target := c.api
	r := Route{}
	if proxy := c.proxies.choose(c.api); proxy != nil {
		target, r.Proxy = proxy, show(proxy)
	}
	r.Host, r.Port = target.Hostname(), dialPort(target)
	r.resolve(ctx, c.options.Timeout)
	for _, address := range r.Addresses {
		began := time.Now()
		connection, err := c.options.Dial(ctx, "tcp", net.JoinHostPort(address, r.Port))
		if err == nil {
			_ = connection.Close()
		}
		r.Dials = append(r.Dials, Dial{net.JoinHostPort(address, r.Port), time.Since(began), err})
	}
	r.Answer, r.AnswerErr = c.ask(ctx)
	return r
}

// dialPort returns the port of an address, SOCKS included.
func dialPort(u *url.URL) string {
	if u.Port() == "" && (u.Scheme == "socks5" || u.Scheme == "socks5h") {
		return "1080"
	}
	return portOf(u)
}

// mostDials bounds the addresses of a host that are tried.
const mostDials = 8

func (r *Route) resolve(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, r.Host)
	r.ResolveTook, r.ResolveErr = time.Since(began), err
	r.Addresses = addresses[:min(len(addresses), mostDials)]
}

// ask sends a request without a key.
func (c *Client) ask(ctx context.Context) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	began := time.Now()
	answer, err := c.roundTrip(ctx, c.api.JoinPath("/"), request{header: http.Header{"Accept": {"application/json"}}})
	if err != nil {
		return nil, failureOf(err).fetchError("asking the API")
	}
	defer func() { _ = answer.Body.Close() }()
	a := &Answer{Status: answer.StatusCode, Protocol: answer.Proto, Took: time.Since(began)}
	if answer.TLS != nil && len(answer.TLS.PeerCertificates) > 0 {
		a.Certificate = answer.TLS.PeerCertificates[0]
	}
	if answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusProxyAuthRequired {
		// What stands in front of the API answers so: a port for TLS, a forward proxy.
		return a, c.statusFailure(answer).fetchError("asking the API")
	}
	drain(answer.Body)
	return a, nil
}

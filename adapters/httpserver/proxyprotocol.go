package httpserver

import (
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxied is a listener whose connections may begin with a header of the PROXY protocol,
// version 1 or 2, which names the client that a load balancer connects for. Only peers
// that may send one are looked at. A header of any other peer is the beginning of its
// first request, which it makes invalid.
type proxied struct{ net.Listener }

// newProxied returns a listener on top of l. from reports whether a peer may send a
// header, which has to arrive in the given time. It must be safe for concurrent use.
func newProxied(l net.Listener, from func(netip.Addr) bool, inTime time.Duration) net.Listener {
	policy := func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
		if peer, ok := o.Upstream.(*net.TCPAddr); ok && from(peer.AddrPort().Addr().Unmap()) {
			return proxyproto.USE, nil
		}
		return proxyproto.SKIP, nil
	}
	if inTime <= 0 {
		inTime = -1 // any time
	}
	return proxied{&proxyproto.Listener{Listener: l, ConnPolicy: policy, ReadHeaderTimeout: inTime}}
}

// Accept implements net.Listener. It does not wait for a header. Reading from the
// connection does, and asking it for an address.
func (l proxied) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if withHeader, ok := c.(*proxyproto.Conn); ok {
		return proxiedConn{withHeader}, nil
	}
	return c, err
}

// proxiedConn is a connection of a peer that may send a header.
type proxiedConn struct{ *proxyproto.Conn }

// NetConn returns the connection below, as tls.Conn's does.
func (c proxiedConn) NetConn() net.Conn { return c.Raw() }

// CloseWrite closes the writing side of the connection.
func (c proxiedConn) CloseWrite() error { return wrapped{c.Raw()}.CloseWrite() }

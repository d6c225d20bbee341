package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// trustedPeers are the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.
// The zero value trusts no proxy.
type trustedPeers struct {
	all      bool
	networks []netip.Prefix
}

func newTrustedPeers(list []string) (trustedPeers, error) {
	var t trustedPeers
	for _, item := range list {
		item = strings.TrimSpace(item)
		if item == "*" {
			t.all = true
			continue
		}
		network, err := netip.ParsePrefix(item)
		if err != nil {
			address, err := netip.ParseAddr(item)
			if err != nil {
				return trustedPeers{}, fmt.Errorf("trusted peer %q is not an address, a CIDR range or *", item)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		if a := network.Addr(); a.Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
		}
		t.networks = append(t.networks, network.Masked())
	}
	return t, nil
}

func (t *trustedPeers) contains(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, network := range t.networks {
		if network.Contains(address) {
			return true
		}
	}
	return t.all
}

// clientAddress returns the address of the request's client without its port. It is
// invalid when the client has none that is known, such as a peer on a Unix socket.
func (a *API) clientAddress(r *http.Request) netip.Addr {
	text, _ := a.trusted.client(r)
	if peer, err := netip.ParseAddrPort(text); err == nil {
		return peer.Addr()
	}
	address, _ := netip.ParseAddr(text) // what a proxy sent has no port
	return address
}

// client returns the address of the request's client and the scheme it used.
func (t *trustedPeers) client(r *http.Request) (address, scheme string) {
	address, scheme = r.RemoteAddr, "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if !t.all && len(t.networks) == 0 {
		return address, scheme
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil && !t.all || err == nil && !t.contains(peer.Addr()) {
		return address, scheme
	}
	if told := r.Header["X-Forwarded-Proto"]; len(told) > 0 {
		switch last := strings.ToLower(strings.TrimSpace(told[len(told)-1])); last {
		case "http", "https":
			scheme = last
		}
	}
	if origin := t.origin(r.Header["X-Forwarded-For"]); origin != "" {
		address = origin
	}
	return address, scheme
}

// origin returns the client in X-Forwarded-For. Each proxy appends the peer it saw, so
// the last hop that is not trusted is the client, whatever that client sent before it.
// When all hops are trusted, the first one is the client. It returns "" when there is no
// hop.
func (t *trustedPeers) origin(lines []string) (origin string) {
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			comma := strings.LastIndexByte(rest, ',')
			hop := strings.TrimSpace(rest[comma+1:])
			rest = rest[:max(comma, 0)]
			if hop == "" {
				continue
			}
			origin = withoutPort(hop)
			if address, err := netip.ParseAddr(origin); err != nil || !t.contains(address) {
				return origin
			}
		}
	}
	return origin
}

// withoutPort returns a hop without its port and without the brackets around IPv6.
func withoutPort(hop string) string {
	if host, _, err := net.SplitHostPort(hop); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]")
}

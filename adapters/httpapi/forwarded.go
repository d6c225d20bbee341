package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// TrustedPeers are the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.
// The zero value trusts no proxy. It is read-only and safe for concurrent use.
type TrustedPeers struct {
	All bool
	// Networks are masked, and those of IPv4 addresses are not mapped to IPv6.
	Networks []netip.Prefix
}

func (t *TrustedPeers) contains(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, network := range t.Networks {
		if network.Contains(address) {
			return true
		}
	}
	return t.All
}

// clientAddress returns the address of the request's client without its port. It is
// invalid when the client has none that is known, such as a peer on a Unix socket.
func (a *API) clientAddress(r *http.Request) netip.Addr {
	text, _ := a.o.TrustedPeers.client(r)
	if peer, err := netip.ParseAddrPort(text); err == nil {
		return peer.Addr()
	}
	address, _ := netip.ParseAddr(text) // what a proxy sent has no port
	return address
}

// client returns the address of the request's client and the scheme it used.
func (t *TrustedPeers) client(r *http.Request) (address, scheme string) {
	address, scheme = r.RemoteAddr, "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if !t.All && len(t.Networks) == 0 {
		return address, scheme
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil && !t.All || err == nil && !t.contains(peer.Addr()) {
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
func (t *TrustedPeers) origin(lines []string) (origin string) {
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

package flagsmith

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// ProxySettings are the values of the environment variables that name forward
// proxies (docs/spec/behaviour.md#forward-proxies). Addresses are http://, https://, socks5:// or
// socks5h://, with a user name and password where needed; without a scheme they
// are http://. They are secrets: formatting ProxySettings shows none.
type ProxySettings struct {
	HTTP  string // HTTP_PROXY, for addresses of http
	HTTPS string // HTTPS_PROXY, for addresses of https
	All   string // ALL_PROXY, where neither of the others is set
	// No is NO_PROXY: hosts that are reached directly, separated by commas. A name stands
	// for itself and all below it, one that begins with a dot or "*." for those
	// below it only; addresses and CIDR ranges stand for themselves; ":port" at
	// the end limits an entry to a port; "*" is every host.
	No string
}

// String returns the names of the settings that are set, without their values.
func (s ProxySettings) String() string {
	var set []string
	for _, setting := range []struct{ name, value string }{{"HTTP_PROXY", s.HTTP}, {"HTTPS_PROXY", s.HTTPS}, {"ALL_PROXY", s.All}, {"NO_PROXY", s.No}} {
		if setting.value != "" {
			set = append(set, setting.name)
		}
	}
	return "{" + strings.Join(set, " ") + "}"
}

// GoString is String.
func (s ProxySettings) GoString() string { return "flagsmith.ProxySettings" + s.String() }

// MarshalText is String.
func (s ProxySettings) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// proxies are parsed ProxySettings. net/http's own rules never use a proxy for
// localhost, while here only NO_PROXY makes exceptions.
type proxies struct {
	byScheme map[string]*url.URL
	direct   []exception
}

func (s ProxySettings) parse() (proxies, error) {
	p := proxies{byScheme: map[string]*url.URL{}, direct: parseExceptions(s.No)}
	for _, setting := range []struct {
		name, value string
		schemes     []string
	}{
		{"ALL_PROXY", s.All, []string{"http", "https"}},
		{"HTTP_PROXY", s.HTTP, []string{"http"}},
		{"HTTPS_PROXY", s.HTTPS, []string{"https"}},
	} {
		address, err := parseProxy(setting.value)
		if err != nil {
			return proxies{}, fmt.Errorf("%s %w", setting.name, err)
		}
		for _, scheme := range setting.schemes {
			if address != nil {
				p.byScheme[scheme] = address
			}
		}
	}
	return p, nil
}

// parseProxy returns nil for an empty value. Its errors do not repeat the value.
func parseProxy(value string) (*url.URL, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil, nil
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("is not an address such as http://proxy.example.com:3128")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	default:
		return nil, fmt.Errorf("has the scheme %q, known are http, https, socks5 and socks5h", u.Scheme)
	}
}

// choose returns the proxy for an address, nil for none.
func (p proxies) choose(u *url.URL) *url.URL {
	proxy := p.byScheme[u.Scheme]
	if proxy == nil {
		return nil
	}
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), portOf(u)
	for _, e := range p.direct {
		if e.covers(host, port) {
			return nil
		}
	}
	return proxy
}

// exception is an entry of NO_PROXY.
type exception struct {
	all       bool
	addresses netip.Prefix // valid for an address or a range
	name      string       // otherwise
	below     bool         // only what is below name
	port      string       // "" is every port
}

func parseExceptions(list string) []exception {
	var exceptions []exception
	for _, entry := range strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		exceptions = append(exceptions, parseException(entry))
	}
	return exceptions
}

func parseException(entry string) exception {
	if entry == "*" {
		return exception{all: true}
	}
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		return exception{addresses: prefix}
	}
	var e exception
	host := entry
	address, ok := parseAddress(host)
	if i := strings.LastIndexByte(entry, ':'); !ok && i >= 0 {
		host, e.port = entry[:i], entry[i+1:]
		address, ok = parseAddress(host)
	}
	if ok {
		e.addresses = netip.PrefixFrom(address, address.BitLen())
		return e
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "*"), ".")
	e.name, e.below = strings.CutPrefix(host, ".")
	return e
}

// parseAddress reads an IP address, with or without brackets.
func parseAddress(text string) (netip.Addr, bool) {
	if bare, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(bare, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}

func (e exception) covers(host, port string) bool {
	switch {
	case e.all:
		return true
	case e.port != "" && e.port != port:
		return false
	case e.addresses.IsValid():
		address, ok := parseAddress(host)
		return ok && e.addresses.Contains(address)
	case e.name == "":
		return false
	default:
		return host == e.name && !e.below || strings.HasSuffix(host, "."+e.name)
	}
}

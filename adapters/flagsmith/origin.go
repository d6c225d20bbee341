package flagsmith

import (
	"net/url"
	"path"
	"strings"
)

// origin is where a key may go: scheme, host and port.
type origin struct{ scheme, host, port string }

func originOf(u *url.URL) origin {
	return origin{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), portOf(u)}
}

func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case strings.EqualFold(u.Scheme, "https"):
		return "443"
	default:
		return "80"
	}
}

// trusts reports whether keys may be sent to u: to the configured origin, and to
// the same host where a redirect leads from http to https on the default ports
// (docs/spec/upstream.md#environment-documents).
func (c *Client) trusts(u *url.URL) bool {
	o := originOf(u)
	upgraded := origin{"https", c.origin.host, "443"}
	return o == c.origin || o == upgraded && c.origin.scheme == "http" && c.origin.port == "80"
}

// isBelow reports whether the path of u is below that of the API.
func (c *Client) isBelow(u *url.URL) bool {
	return strings.HasPrefix(path.Clean("/"+u.Path), strings.TrimRight(c.api.Path, "/")+"/")
}

// show returns the origin of an address, the part that may appear in an error. Paths
// and queries of foreign addresses may carry credentials.
func show(u *url.URL) string { return u.Scheme + "://" + u.Host }

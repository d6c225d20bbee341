package adminapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// guarded refuses requests that a web page of another origin makes, or that were sent
// here by a name that somebody else controls, and sets the headers that all answers
// have.
func (a *API) guarded(next http.Handler) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	crossSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuseOrigin(w) }))
	next = crossSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case !a.ownHost(r.Host):
			refuse(w, http.StatusForbidden, "the admin listener is not reached under this host name; use its address or localhost")
		case !sameOrigin(r):
			refuseOrigin(w)
		case !isClean(r.URL.Path):
			refuse(w, http.StatusNotFound, "there is no such page")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isClean reports whether a path is one that http.ServeMux does not redirect to another
// one: a redirect would repeat what the client sent.
func isClean(name string) bool {
	short := strings.TrimSuffix(name, "/")
	return name == "/" || short != "/" && path.Clean(short) == short
}

func refuseOrigin(w http.ResponseWriter) {
	refuse(w, http.StatusForbidden, "requests from other web pages are refused")
}

// ownHost reports whether a request's Host may be the listener's. On a loopback address
// it must be, since the address protects the pages: a name that an attacker controls can
// resolve to a loopback address. On other addresses the token does.
func (a *API) ownHost(host string) bool {
	if !a.o.Loopback {
		return true
	}
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if address, err := netip.ParseAddr(name); err == nil {
		return address.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == strings.ToLower(a.o.Host)
}

// sameOrigin reports whether a request comes from no web page, or from one of this
// listener.
func sameOrigin(r *http.Request) bool {
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

// forReaders lets requests for a page through that may read it.
func (a *API) forReaders(page http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := a.o.Policy().Token
		switch {
		case a.o.Loopback, hasToken(r, token, true):
			page(w, r)
		case token == "":
			refuse(w, http.StatusForbidden, "on an address that is not a loopback address, pages need admin.token, which is not set; /metrics, /healthz and /readyz are answered without it")
		default:
			w.Header()["Www-Authenticate"] = []string{`Bearer realm="edge-proxy"`, `Basic realm="edge-proxy", charset="UTF-8"`}
			refuse(w, http.StatusUnauthorized, "this page needs admin.token, as a bearer token or, in a browser, as the password of any user")
		}
	})
}

// hasToken reports whether a request has the token, which is not known when it is empty.
// A browser sends a password by itself, for requests that other web pages cause too, so
// a password opens only what changes nothing.
func hasToken(r *http.Request, token string, orPassword bool) bool {
	if token == "" {
		return false
	}
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return same(strings.TrimSpace(sent), token)
	}
	_, password, ok := r.BasicAuth()
	return ok && orPassword && same(password, token)
}

// same compares two secrets in a time that depends on neither.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

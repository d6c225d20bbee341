package fakeflagsmith

import (
	"net/http"
	"slices"
	"time"
)

// Discovery is what a proxy key opens: the list of environments it may serve,
// and the right to report usage. Without a ProxyKey every proxy key is refused.
type Discovery struct {
	ProxyKey     string                  `json:"proxy_key"`
	Environments []DiscoveredEnvironment `json:"environments"`
}

// DiscoveredEnvironment is one environment of a proxy key's list.
type DiscoveredEnvironment struct {
	ClientKey  string                `json:"client_side_key"`
	ServerKeys []DiscoveredServerKey `json:"server_side_keys"`
}

// DiscoveredServerKey is a server-side key as the list tells it.
type DiscoveredServerKey struct {
	Key       string     `json:"key"`
	Active    bool       `json:"active"`
	ExpiresAt *time.Time `json:"expires_at"` // nil: never
}

// PutDiscovery replaces the proxy key and its list of environments. The list
// only names keys; the documents are those of [Server.PutEnvironment].
func (s *Server) PutDiscovery(d Discovery) {
	d.Environments = slices.Clone(d.Environments)
	if d.Environments == nil {
		d.Environments = []DiscoveredEnvironment{} // an empty list, not null, on the wire
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discovery = d
}

// serveDiscovery answers GET /api/v1/proxy/config/.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, endpoint{target: ProxyConfig, answer: func([]byte) answer {
		return s.withProxyKey(r, func() answer { return jsonAnswer(http.StatusOK, s.discovery.Environments) })
	}})
}

// withProxyKey runs then under s.mu for the right X-Proxy-Key: 401 for a missing
// key, 403 for a wrong one.
func (s *Server) withProxyKey(r *http.Request, then func() answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch key := r.Header.Get("X-Proxy-Key"); {
	case key == "":
		return detail(http.StatusUnauthorized, "Authentication credentials were not provided.")
	case key != s.discovery.ProxyKey:
		return detail(http.StatusForbidden, "Invalid proxy key.")
	}
	return then()
}

package standard

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// Checks implements commands.Wiring: rules of other adapters about settings that are
// well formed and would yet make a start fail. They open nothing.
func (w *wiring) Checks() []config.Check {
	return []config.Check{
		{Keys: []string{"proxy_key", "api_url"}, Find: checkDiscovery},
		{Keys: []string{"api_url", "api_poll_timeout_seconds", "max_document_bytes", "http_proxy", "https_proxy", "all_proxy", "realtime_url", "proxy_key"}, Find: checkOrigin},
		{Keys: []string{"server.tls.cert_file", "server.tls.key_file", "server.tls.client_ca_file", "server.tls.client_auth", "server.tls.clients", "server.http_port", "server.port"}, Find: checkTLS},
		{Keys: []string{"admin.tls.cert_file", "admin.tls.key_file", "admin.tls.client_ca_file", "admin.tls.client_auth"}, Find: checkAdminTLS},
		{Keys: []string{"api_tls.cert_file", "api_tls.key_file"}, Find: checkAPITLS},
		{Keys: []string{"store.url"}, Find: w.checkStore},
		{Keys: []string{"logging.log_event_field_name"}, Find: func(s config.Settings) error {
			return logging.Check(logging.Options{EventFieldName: s.Logging.LogEventFieldName})
		}},
		{Keys: []string{"logging.override"}, Find: func(s config.Settings) error {
			override, err := loggingOverride(s)
			if err != nil {
				return err
			}
			return logging.Check(logging.Options{Override: override})
		}},
	}
}

// checkDiscovery refuses a proxy key for a directory, which has nothing to discover.
func checkDiscovery(s config.Settings) error {
	if inDirectory(s) && !s.ProxyKey.IsZero() {
		return errors.New("proxy_key is for a Flagsmith API; api_url names a directory, where nothing can be discovered")
	}
	return nil
}

// checkOrigin returns the error of the source of documents about its settings.
func checkOrigin(s config.Settings) error {
	o, err := openOrigin(s, nil, slog.New(slog.DiscardHandler), nil)
	if err == nil {
		o.close()
	}
	return err
}

// checkStore returns what is wrong with store.url, as far as this can be found without
// opening the store.
func (w *wiring) checkStore(s config.Settings) error {
	u := s.Store.URL.Parse()
	backend, known := w.stores[u.Scheme]
	if !known {
		known := slices.Sorted(maps.Keys(w.stores))
		for i := range known {
			known[i] += ":"
		}
		return fmt.Errorf("store.url has the unknown scheme %q, must begin with one of %s", u.Scheme, strings.Join(known, ", "))
	}
	if backend.check == nil {
		return nil
	}
	return backend.check(u)
}

package reload_test

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

const (
	proxyKey    = "hook-secret-proxy-key-1"
	newProxyKey = "hook-secret-proxy-key-2"
)

// Every setting that the documentation calls live is taken by some part of the proxy, all
// of it at once too.
func TestEveryLiveSettingIsTaken(t *testing.T) {
	t.Parallel()
	// In the order of docs/configuration.md, each with another value than the one before.
	settings := []struct {
		key   string
		value any
	}{
		{"environment_key_pairs", []any{pair(newKey, clientKey), pair(serverKey, clientKey)}},
		{"api_poll_frequency_seconds", 1800},
		{"api_poll_timeout_seconds", 3},
		{"api_poll_concurrency", 4},
		{"allow_origins", "https://app.example"},
		{"endpoint_caches.flags.use_cache", true},
		{"endpoint_caches.flags.cache_max_size", 5},
		{"endpoint_caches.identities.use_cache", true},
		{"endpoint_caches.identities.cache_max_size", 6},
		{"endpoint_caches.identities.cache_max_bytes", 70000},
		{"server.proxy_headers", true},
		{"server.reload", true},
		{"server.drain_delay_seconds", 0.1},
		{"server.shutdown_timeout_seconds", 5},
		{"server.max_body_bytes", 7000},
		{"server.proxy_protocol_from", []any{"192.0.2.0/24"}},
		{"server.limits.requests_per_second_per_key", 1000},
		{"server.limits.burst_per_key", 2000},
		{"server.limits.exempt_server_keys", false},
		{"server.limits.requests_per_second_per_address", 3000},
		{"server.limits.burst_per_address", 4000},
		{"server.limits.max_concurrent_documents", 8},
		{"server.allow", []any{"127.0.0.0/8", "::1"}},
		{"server.deny", []any{"192.0.2.0/24"}},
		{"logging.log_level", "INFO"},
		{"logging.log_format", "generic"},
		{"logging.log_event_field_name", "event"},
		{"logging.colours", true},
		{"logging.enable_access_log", true},
		{"logging.override", object{"loggers": object{"x": object{"level": "ERROR"}}}},
		{"health_check.environment_update_grace_period_seconds", 60},
		{"store.lease_seconds", 4000},
		{"max_document_bytes", 100000},
		{"proxy_key", newProxyKey},
		{"usage_flush_interval_seconds", 30},
		{"analytics.enabled", false},
		{"analytics.flush_interval_seconds", 20},
		{"webhook.secret", "hook-secret-1"},
		{"events.flush_interval_seconds", 20},
		{"events.max_body_bytes", 2 << 20},
		{"events.max_queue_bytes", 8 << 20},
		{"ofrep.event_streams", false},
		{"admin.token", "hook-secret-admin"},
		{"admin.pprof", true},
		{"admin.read_only", true},
		{"document_guard.mode", "hold"},
		{"document_guard.hold_seconds", 60},
		{"document_guard.max_removed_percent", 40},
		{"document_guard.max_turned_off_percent", 40},
		{"document_guard.min_features", 20},
		{"history.documents", 5},
		{"history.max_bytes", 1000000},
	}
	var keys, live []string
	for _, e := range config.Reference() {
		if e.Reload != config.Restart && e.Key != "server.tls.clients" { // which needs TLS
			live = append(live, e.Key)
		}
	}
	w := startDiscovering(t, nil)
	next := w.with(nil)
	for _, s := range settings {
		keys = append(keys, s.key)
		set(next, strings.Split(s.key, "."), s.value)
	}
	if !slices.Equal(keys, live) {
		t.Fatalf("this test changes %q, the documentation calls %q live", keys, live)
	}
	w.write(t, next)
	w.Signal(t, syscall.SIGHUP)
	w.eventually(t, "all are named, in the new format and colours", func() bool {
		return strings.Contains(w.Stdout(), "changed=\""+strings.Join(keys, ", ")+`"`)
	})
	if strings.Contains(w.Output(), failed) || strings.Contains(w.Output(), needsRestart) {
		t.Errorf("not all of it took effect\n%s", w.Output())
	}
	if got := w.opens(t, newKey); got != http.StatusOK {
		t.Errorf("the new key is answered %d", got)
	}
}

// set puts a value at a path, in sections of its own.
func set(config object, path []string, value any) {
	if len(path) == 1 {
		config[path[0]] = value
		return
	}
	section := object{}
	if below, ok := config[path[0]].(object); ok {
		for key, value := range below {
			section[key] = value
		}
	}
	config[path[0]] = section
	set(section, path[1:], value)
}

// startDiscovering starts a proxy with a proxy key, which opens another environment.
func startDiscovering(t *testing.T, settings object) *world {
	t.Helper()
	w := &world{}
	w.prepare(t, t.TempDir())
	w.discover(t, proxyKey)
	all := object{"proxy_key": proxyKey}
	for key, value := range settings {
		all[key] = value
	}
	w.run(t, all, nil)
	return w
}

func (w *world) discover(t *testing.T, key string) {
	t.Helper()
	err := w.upstream.PutDiscovery(t.Context(), fakeflagsmith.Discovery{ProxyKey: key, Environments: []fakeflagsmith.DiscoveredEnvironment{
		{ClientKey: otherKey, ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: otherSer, Active: true}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheProxyKeyRotates(t *testing.T) {
	t.Parallel()
	w := startDiscovering(t, object{"api_poll_frequency_seconds": 0.2})
	w.eventually(t, "the discovered environment is served", func() bool { return w.flags(t, otherKey) == http.StatusOK })
	w.next(t, "error_discovering_environments", func() { w.discover(t, newProxyKey) })
	changed(t, w.reload(t, object{"proxy_key": newProxyKey}, reloaded), "proxy_key")
	asked := w.discoveries(t)
	w.eventually(t, "discovery goes on", func() bool { return w.discoveries(t) >= asked+3 })
	before := len(w.events("error_discovering_environments"))
	asked = w.discoveries(t)
	w.eventually(t, "discovery goes on", func() bool { return w.discoveries(t) >= asked+3 })
	if after := len(w.events("error_discovering_environments")); after != before {
		t.Errorf("%d discoveries failed with the new key", after-before)
	}
	if got := w.flags(t, otherKey); got != http.StatusOK {
		t.Errorf("the discovered environment is answered %d", got)
	}
	// Without it is another proxy.
	changed(t, w.reload(t, object{"proxy_key": nil}, needsRestart), "proxy_key")
	if got := w.flags(t, otherKey); got != http.StatusOK {
		t.Errorf("the discovered environment is answered %d", got)
	}
}

func (w *world) discoveries(t *testing.T) int {
	t.Helper()
	counters, err := w.upstream.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counters[fakeflagsmith.ProxyConfig].Requests
}

func TestAnalyticsAreTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	w := start(t, object{"analytics": object{"enabled": false, "flush_interval_seconds": 0.2}}, nil)
	report := func() int {
		response, _ := w.ask(t, http.MethodPost, "/api/v1/analytics/flags/", `{"flag_of_`+clientKey+`": 1}`, "X-Environment-Key: "+clientKey, "Content-Type: application/json")
		return response.StatusCode
	}
	off := report()
	changed(t, w.reload(t, object{"analytics": object{"enabled": true, "flush_interval_seconds": 0.1}}, reloaded), "analytics.enabled", "analytics.flush_interval_seconds")
	if got := report(); got != http.StatusOK || got == off {
		t.Errorf("answered %d while analytics are on, %d while they were off", got, off)
	}
	w.eventually(t, "they are delivered", func() bool {
		requests, err := w.upstream.Requests(t.Context(), fakeflagsmith.AnalyticsV1)
		if err != nil {
			t.Fatal(err)
		}
		return len(requests) > 0
	})
	w.reload(t, nil, reloaded)
	if got := report(); got != off {
		t.Errorf("answered %d once analytics are off again", got)
	}
}

func TestTheDrainDelayIsLive(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	changed(t, w.reload(t, object{"server": object{"drain_delay_seconds": 0.5}}, reloaded), "server.drain_delay_seconds")
	began := time.Now()
	w.Signal(t, syscall.SIGTERM)
	if code := w.Wait(t, patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("the shutdown took %v", took)
	}
}

package config_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/domain"
)

func pair(server, client string) config.KeyPair {
	return config.KeyPair{ServerSideKey: domain.NewServerKey(server), ClientSideKey: domain.EnvironmentKey(client)}
}

// eachSetting has two values for every setting that a file can hold: one as the
// file has it, the other as its variable has it.
var eachSetting = []struct {
	key          string
	get          func(config.Settings) any
	byDefault    any
	json         string
	fromFile     any
	text         string
	fromVariable any
}{
	{"environment_key_pairs", func(s config.Settings) any { return s.EnvironmentKeyPairs }, []config.KeyPair(nil),
		`[{"server_side_key":"ser.a","client_side_key":"a"},{"server_side_key":"ser.b","client_side_key":"b"}]`, []config.KeyPair{pair("ser.a", "a"), pair("ser.b", "b")},
		`[{"server_side_key":" ser.c ","client_side_key":"\tc"}]`, []config.KeyPair{pair("ser.c", "c")}},
	{"api_url", func(s config.Settings) any { return s.APIURL.Reveal() }, "https://edge.api.flagsmith.com/api/v1",
		`"http://flagsmith.example.com:8080/api/v1/"`, "http://flagsmith.example.com:8080/api/v1", "file:///srv/documents/", "file:///srv/documents"},
	{"api_poll_frequency_seconds", func(s config.Settings) any { return s.APIPollFrequency }, 10 * time.Second, "30", 30 * time.Second, "0.5", time.Second / 2},
	{"api_poll_timeout_seconds", func(s config.Settings) any { return s.APIPollTimeout }, 5 * time.Second, `"1"`, time.Second, " 2.0 ", 2 * time.Second},
	{"api_poll_concurrency", func(s config.Settings) any { return s.APIPollConcurrency }, 16, "1", 1, "+1_000", 1000},
	{"allow_origins", func(s config.Settings) any { return s.AllowOrigins }, []string{"*"},
		`["https://a.example.com","https://b.example.com:8443"]`, []string{"https://a.example.com", "https://b.example.com:8443"},
		"https://c.example.com, https://d.example.com", []string{"https://c.example.com", "https://d.example.com"}},
	{"endpoint_caches.flags.use_cache", func(s config.Settings) any { return s.EndpointCaches.Flags.UseCache }, false, "true", true, "off", false},
	{"endpoint_caches.flags.cache_max_size", func(s config.Settings) any { return s.EndpointCaches.Flags.CacheMaxSize }, 128, "1000", 1000, "1e3", 1000},
	{"endpoint_caches.identities.use_cache", func(s config.Settings) any { return s.EndpointCaches.Identities.UseCache }, false, "0", false, "YES", true},
	{"endpoint_caches.identities.cache_max_size", func(s config.Settings) any { return s.EndpointCaches.Identities.CacheMaxSize }, 128, "1", 1, "7", 7},
	{"endpoint_caches.identities.cache_max_bytes", func(s config.Settings) any { return s.EndpointCaches.Identities.CacheMaxBytes }, int64(64 << 20), "1024", int64(1024), "7000", int64(7000)},
	{"server.host", func(s config.Settings) any { return s.Server.Host }, "0.0.0.0", `"localhost"`, "localhost", "[::1]", "::1"},
	{"server.port", func(s config.Settings) any { return s.Server.Port }, 8000, "0", 0, "65535", 65535},
	{"server.http_port", func(s config.Settings) any { return s.Server.HTTPPort }, config.OptionalPort{}, "0", config.OptionalPort{Chosen: true}, "8080", config.OptionalPort{Chosen: true, Number: 8080}},
	{"server.tls.cert_file", func(s config.Settings) any { return s.Server.TLS.CertFile }, "", `"/tls/tls.crt"`, "/tls/tls.crt", "tls.crt", "tls.crt"},
	{"server.tls.key_file", func(s config.Settings) any { return s.Server.TLS.KeyFile }, "", `"/tls/tls.key"`, "/tls/tls.key", "tls.key", "tls.key"},
	{"server.tls.client_ca_file", func(s config.Settings) any { return s.Server.TLS.ClientCAFile }, "", `"/tls/ca.crt"`, "/tls/ca.crt", "../ca.crt", "../ca.crt"},
	{"server.tls.client_auth", func(s config.Settings) any { return s.Server.TLS.ClientAuth }, "none", `"Require"`, "require", "request", "request"},
	{"server.tls.min_version", func(s config.Settings) any { return s.Server.TLS.MinVersion }, "1.2", `"1.3"`, "1.3", "1.2", "1.2"},
	{"server.tls.clients", func(s config.Settings) any { return s.Server.TLS.Clients }, []config.CertificateRule(nil),
		`[{"san": "spiffe://example.org/shop/*", "environments": ["b", "a", "b"]}, {"san": "ops.example.org", "environments": "*"}]`,
		[]config.CertificateRule{{SAN: "spiffe://example.org/shop/*", Environments: []string{"a", "b"}}, {SAN: "ops.example.org", Environments: []string{"*"}}},
		`[{"san": "*.example.org", "environments": ["c"]}]`, []config.CertificateRule{{SAN: "*.example.org", Environments: []string{"c"}}}},
	{"server.proxy_headers", func(s config.Settings) any { return s.Server.ProxyHeaders }, false, `"on"`, true, "n", false},
	{"server.timeout_keep_alive", func(s config.Settings) any { return s.Server.TimeoutKeepAlive }, 5 * time.Second, "75", 75 * time.Second, "0.25", time.Second / 4},
	{"server.fast_path", func(s config.Settings) any { return s.Server.FastPath }, true, "false", false, "yes", true},
	{"server.reload", func(s config.Settings) any { return s.Server.Reload }, false, "true", true, "F", false},
	{"server.drain_delay_seconds", func(s config.Settings) any { return s.Server.DrainDelay }, 3 * time.Second, "0", time.Duration(0), "10", 10 * time.Second},
	{"server.shutdown_timeout_seconds", func(s config.Settings) any { return s.Server.ShutdownTimeout }, 9 * time.Second, "20", 20 * time.Second, "25", 25 * time.Second},
	{"server.max_body_bytes", func(s config.Settings) any { return s.Server.MaxBodyBytes }, int64(1 << 20), "1", int64(1), "2097152", int64(2 << 20)},
	{"server.max_inflight_bytes", func(s config.Settings) any { return s.Server.MaxInflightBytes }, int64(64 << 20), "1048576", int64(1 << 20), "2097152", int64(2 << 20)},
	{"server.max_connections", func(s config.Settings) any { return s.Server.MaxConnections }, 0, "1", 1, "5000", 5000},
	{"server.max_header_bytes", func(s config.Settings) any { return s.Server.MaxHeaderBytes }, 16384, "8192", 8192, "4096", 4096},
	{"server.read_header_timeout_seconds", func(s config.Settings) any { return s.Server.ReadHeaderTimeout }, 5 * time.Second, "1", time.Second, "2", 2 * time.Second},
	{"server.read_timeout_seconds", func(s config.Settings) any { return s.Server.ReadTimeout }, 10 * time.Second, "1", time.Second, "2", 2 * time.Second},
	{"server.write_timeout_seconds", func(s config.Settings) any { return s.Server.WriteTimeout }, 30 * time.Second, "1", time.Second, "2", 2 * time.Second},
	{"server.unix_socket", func(s config.Settings) any { return s.Server.UnixSocket }, "", `"/run/a.sock"`, "/run/a.sock", "/run/b.sock", "/run/b.sock"},
	{"server.proxy_protocol_from", func(s config.Settings) any { return s.Server.ProxyProtocolFrom }, config.Networks(nil), `["10.0.0.0/8"]`, networks("10.0.0.0/8"), "10.1.0.0/16,::1", networks("10.1.0.0/16", "::1/128")},
	{"server.limits.requests_per_second_per_key", func(s config.Settings) any { return s.Server.Limits.PerKey }, 0, "100", 100, "200", 200},
	{"server.limits.burst_per_key", func(s config.Settings) any { return s.Server.Limits.BurstPerKey }, 0, "100", 100, "200", 200},
	{"server.limits.exempt_server_keys", func(s config.Settings) any { return s.Server.Limits.ExemptServerKeys }, true, "false", false, "yes", true},
	{"server.limits.requests_per_second_per_address", func(s config.Settings) any { return s.Server.Limits.PerAddress }, 0, "100", 100, "200", 200},
	{"server.limits.burst_per_address", func(s config.Settings) any { return s.Server.Limits.BurstPerAddress }, 0, "100", 100, "200", 200},
	{"server.limits.max_concurrent_documents", func(s config.Settings) any { return s.Server.Limits.MaxDocuments }, 0, "4", 4, "8", 8},
	{"server.allow", func(s config.Settings) any { return s.Server.Allow }, config.Networks(nil), `["192.0.2.7/24", "::1"]`, networks("192.0.2.0/24", "::1/128"), "::ffff:198.51.100.1", networks("198.51.100.1/32")},
	{"server.deny", func(s config.Settings) any { return s.Server.Deny }, config.Networks(nil), `"192.0.2.0/24"`, networks("192.0.2.0/24"), "198.51.100.1, 2001:db8::/32", networks("198.51.100.1/32", "2001:db8::/32")},
	{"logging.log_level", func(s config.Settings) any { return s.Logging.LogLevel }, "INFO", `"critical"`, "CRITICAL", "notset", "NOTSET"},
	{"logging.log_format", func(s config.Settings) any { return s.Logging.LogFormat }, "generic", `"json"`, "json", "Generic", "generic"},
	{"logging.log_event_field_name", func(s config.Settings) any { return s.Logging.LogEventFieldName }, "message", `"event"`, "event", "msg", "msg"},
	{"logging.colours", func(s config.Settings) any { return s.Logging.Colours }, false, "true", true, "0", false},
	{"logging.enable_access_log", func(s config.Settings) any { return s.Logging.EnableAccessLog }, false, "1", true, "false", false},
	{"logging.override", func(s config.Settings) any { return string(s.Logging.Override) }, "{}",
		`{"loggers":{"":{"level":"INFO"}}, /* rotated */ "handlers":{"file":{"maxBytes":12345678901234567890,}}}`,
		`{"handlers":{"file":{"maxBytes":12345678901234567890}},"loggers":{"":{"level":"INFO"}}}`,
		`{"loggers":{"":{"level":"DEBUG"}}}`, `{"handlers":{"file":{"maxBytes":12345678901234567890}},"loggers":{"":{"level":"DEBUG"}}}`},
	{"health_check.environment_update_grace_period_seconds", func(s config.Settings) any { return s.HealthCheck.GracePeriod }, config.GracePeriod{Period: 30 * time.Second},
		"null", config.GracePeriod{Never: true}, "60", config.GracePeriod{Period: time.Minute}},
	{"api_tls.ca_file", func(s config.Settings) any { return s.APITLS.CAFile }, "", `"/tls/ca.crt"`, "/tls/ca.crt", "ca.crt", "ca.crt"},
	{"api_tls.cert_file", func(s config.Settings) any { return s.APITLS.CertFile }, "", `"/tls/tls.crt"`, "/tls/tls.crt", "tls.crt", "tls.crt"},
	{"api_tls.key_file", func(s config.Settings) any { return s.APITLS.KeyFile }, "", `"/tls/tls.key"`, "/tls/tls.key", "tls.key", "tls.key"},
	{"store.url", func(s config.Settings) any { return s.Store.URL.Reveal() }, "memory:", `"bolt:///var/lib/documents.db"`, "bolt:///var/lib/documents.db", "redis://u:p@redis:6379/0", "redis://u:p@redis:6379/0"},
	{"store.prefix", func(s config.Settings) any { return s.Store.Prefix }, "edge-proxy", `"a"`, "a", "b:c", "b:c"},
	{"store.lease_seconds", func(s config.Settings) any { return s.Store.Lease }, 20 * time.Second, "15", 15 * time.Second, "16", 16 * time.Second},
	{"max_document_bytes", func(s config.Settings) any { return s.MaxDocumentBytes }, int64(256 << 20), "1048576", int64(1 << 20), "8589934592", int64(8 << 30)},
	{"proxy_key", func(s config.Settings) any { return s.ProxyKey.Reveal() }, "", `"one"`, "one", "two", "two"},
	{"realtime_url", func(s config.Settings) any { return s.RealtimeURL.Reveal() }, "", `"https://realtime.flagsmith.com/"`, "https://realtime.flagsmith.com", "http://localhost:8088", "http://localhost:8088"},
	{"usage_flush_interval_seconds", func(s config.Settings) any { return s.UsageFlushInterval }, time.Minute, "1", time.Second, "2", 2 * time.Second},
	{"analytics.enabled", func(s config.Settings) any { return s.Analytics.Enabled }, true, "false", false, "t", true},
	{"analytics.flush_interval_seconds", func(s config.Settings) any { return s.Analytics.FlushInterval }, 10 * time.Second, "1", time.Second, "2", 2 * time.Second},
	{"webhook.secret", func(s config.Settings) any { return s.Webhook.Secret.Reveal() }, "", `"one"`, "one", "two", "two"},
	{"events.url", func(s config.Settings) any { return s.Events.URL.Reveal() }, "https://events.api.flagsmith.com", `"https://flagsmith.example/api/"`, "https://flagsmith.example/api", "http://localhost:8088", "http://localhost:8088"},
	{"events.flush_interval_seconds", func(s config.Settings) any { return s.Events.FlushInterval }, 10 * time.Second, "1", time.Second, "2", 2 * time.Second},
	{"events.max_body_bytes", func(s config.Settings) any { return s.Events.MaxBodyBytes }, int64(4 << 20), "1048576", int64(1 << 20), "2097152", int64(2 << 20)},
	{"ofrep.event_streams", func(s config.Settings) any { return s.OFREP.EventStreams }, true, "false", false, "on", true},
	{"events.max_queue_bytes", func(s config.Settings) any { return s.Events.MaxQueueBytes }, int64(32 << 20), "1048576", int64(1 << 20), "2097152", int64(2 << 20)},
	{"metrics.enabled", func(s config.Settings) any { return s.Metrics.Enabled }, true, "false", false, "t", true},
	{"metrics.native_histograms", func(s config.Settings) any { return s.Metrics.NativeHistograms }, true, "false", false, "t", true},
	{"metrics.max_environments", func(s config.Settings) any { return s.Metrics.MaxEnvironments }, 75, "0", 0, "1000", 1000},
	{"metrics.features", func(s config.Settings) any { return s.Metrics.Features }, false, "true", true, "1", true},
	{"tracing.sampled_by_parent", func(s config.Settings) any { return s.Tracing.SampledByParent }, true, "false", false, "t", true},
	{"tracing.ratio", func(s config.Settings) any { return s.Tracing.Ratio }, 0.0, "0.25", 0.25, "1", 1.0},
	{"tracing.slow_seconds", func(s config.Settings) any { return s.Tracing.Slow }, time.Duration(0), "0.05", 50 * time.Millisecond, "3600", time.Hour},
	{"admin.host", func(s config.Settings) any { return s.Admin.Host }, "127.0.0.1", `"::1"`, "::1", "0.0.0.0", "0.0.0.0"},
	{"admin.port", func(s config.Settings) any { return s.Admin.Port }, config.OptionalPort{Number: 8001}, "8001", config.OptionalPort{Number: 8001, Chosen: true}, "0", config.OptionalPort{Chosen: true}},
	{"admin.token", func(s config.Settings) any { return s.Admin.Token.Reveal() }, "", `"one"`, "one", "two", "two"},
	{"admin.pprof", func(s config.Settings) any { return s.Admin.Pprof }, false, "true", true, "on", true},
	{"admin.tls.cert_file", func(s config.Settings) any { return s.Admin.TLS.CertFile }, "", `"/tls/tls.crt"`, "/tls/tls.crt", "tls.crt", "tls.crt"},
	{"admin.tls.key_file", func(s config.Settings) any { return s.Admin.TLS.KeyFile }, "", `"/tls/tls.key"`, "/tls/tls.key", "tls.key", "tls.key"},
	{"admin.tls.client_ca_file", func(s config.Settings) any { return s.Admin.TLS.ClientCAFile }, "", `"/tls/ca.crt"`, "/tls/ca.crt", "ca.crt", "ca.crt"},
	{"admin.tls.client_auth", func(s config.Settings) any { return s.Admin.TLS.ClientAuth }, "none", `"require"`, "require", "request", "request"},
	{"admin.tls.min_version", func(s config.Settings) any { return s.Admin.TLS.MinVersion }, "1.2", `"1.3"`, "1.3", "1.3", "1.3"},
	{"admin.read_only", func(s config.Settings) any { return s.Admin.ReadOnly }, false, "true", true, "on", true},
	{"history.documents", func(s config.Settings) any { return s.History.Documents }, 10, "0", 0, "100", 100},
	{"history.max_bytes", func(s config.Settings) any { return s.History.MaxBytes }, int64(64 << 20), "0", int64(0), "1000000", int64(1000000)},
	{"document_guard.mode", func(s config.Settings) any { return s.DocumentGuard.Mode }, "warn", `"HOLD"`, "hold", "Off", "off"},
	{"document_guard.hold_seconds", func(s config.Settings) any { return s.DocumentGuard.Hold }, 900 * time.Second, "0", time.Duration(0), "60", time.Minute},
	{"document_guard.max_removed_percent", func(s config.Settings) any { return s.DocumentGuard.MaxRemoved }, 50, "0", 0, "100", 100},
	{"document_guard.max_turned_off_percent", func(s config.Settings) any { return s.DocumentGuard.MaxTurnedOff }, 50, "0", 0, "100", 100},
	{"document_guard.min_features", func(s config.Settings) any { return s.DocumentGuard.MinFeatures }, 10, "0", 0, "25", 25},
}

func networks(list ...string) (n config.Networks) {
	for _, text := range list {
		n = append(n, netip.MustParsePrefix(text))
	}
	return n
}

// nested writes a value at a dotted key as a file does.
func nested(key, value string) string {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		value = fmt.Sprintf("{%q: %s}", parts[i], value)
	}
	return value
}

func TestEachSetting(t *testing.T) {
	byDefault := defaults(t)
	for _, c := range eachSetting {
		t.Run(c.key, func(t *testing.T) {
			variable := strings.ToUpper(strings.ReplaceAll(c.key, ".", "_")) + "=" + c.text
			// Whatever is under test comes last, so that it counts.
			check := func(where string, s config.Settings, want any) {
				t.Helper()
				if got := c.get(s); !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %v, want %v", where, got, want)
				}
			}
			need := []string{keys}
			if c.key == "environment_key_pairs" {
				need = nil
			}
			check("default", byDefault, c.byDefault)
			check("file", mustLoad(t, withFile(nested(c.key, c.json), need...)), c.fromFile)
			if c.key != "logging.override" {
				check("variable", mustLoad(t, source(nil, append(need, variable)...)), c.fromVariable)
			}
			check("both", mustLoad(t, withFile(nested(c.key, c.json), append(need, variable)...)), c.fromVariable)
			section, rest, isNested := strings.Cut(c.key, ".")
			if isNested {
				check("section variable", mustLoad(t, source(nil, keys, strings.ToUpper(section)+"="+nested(rest, c.json))), c.fromFile)
				check("section variable and variable", mustLoad(t, source(nil, keys, variable, strings.ToUpper(section)+"="+nested(rest, c.json))), c.fromVariable)
			}
			check("lower-case variable", mustLoad(t, withFile(nested(c.key, c.json), append(need, strings.ToLower(variable[:strings.Index(variable, "=")])+"="+c.text)...)), c.fromVariable)
		})
	}
}

// A setting that has a default and may be unset is unset where it is emptied.
func TestEventsAreOffWhereTheirURLIsEmpty(t *testing.T) {
	const file = `{"events": {"url": "https://flagsmith.example"}}`
	for name, src := range map[string]config.Source{
		"file":              withFile(`{"events": {"url": ""}}`, keys),
		"null":              withFile(`{"events": {"url": null}}`, keys),
		"variable":          source(nil, keys, "EVENTS_URL="),
		"variable and file": withFile(file, keys, "EVENTS_URL= "),
		"section":           source(nil, keys, `EVENTS={"url":""}`),
	} {
		if s := mustLoad(t, src); !s.Events.URL.IsZero() {
			t.Errorf("%s: events go to %v", name, s.Events.URL)
		}
	}
	if s := mustLoad(t, withFile(`{"events": {"url": ""}}`, keys, "EVENTS_URL=https://flagsmith.example")); s.Events.URL.IsZero() {
		t.Error("the variable does not win over the file")
	}
}

func TestEverySettingOfTheFileIsInTheTable(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range eachSetting {
		tested[c.key] = true
	}
	for _, e := range config.Reference() {
		if e.Key != "" && !tested[e.Key] {
			t.Errorf("%s is in no case of eachSetting", e.Key)
		}
	}
}

func TestAliases(t *testing.T) {
	for name, c := range map[string]struct {
		src  config.Source
		get  func(config.Settings) any
		want any
	}{
		"frequency in the file":             {withFile(`{"api_poll_frequency": 7}`, keys), func(s config.Settings) any { return s.APIPollFrequency }, 7 * time.Second},
		"frequency variable":                {withFile(`{"api_poll_frequency_seconds": 6}`, keys, "API_POLL_FREQUENCY=7"), func(s config.Settings) any { return s.APIPollFrequency }, 7 * time.Second},
		"variable over alias in the file":   {withFile(`{"api_poll_frequency": 6}`, keys, "API_POLL_FREQUENCY_SECONDS=7"), func(s config.Settings) any { return s.APIPollFrequency }, 7 * time.Second},
		"timeout in the file":               {withFile(`{"api_poll_timeout": 7}`, keys), func(s config.Settings) any { return s.APIPollTimeout }, 7 * time.Second},
		"timeout variable":                  {source(nil, keys, "API_POLL_TIMEOUT=7"), func(s config.Settings) any { return s.APIPollTimeout }, 7 * time.Second},
		"colors in the file":                {withFile(`{"logging":{"colors": true}}`, keys), func(s config.Settings) any { return s.Logging.Colours }, true},
		"colour in the file":                {withFile(`{"logging":{"colour": true}}`, keys), func(s config.Settings) any { return s.Logging.Colours }, true},
		"colors variable":                   {source(nil, keys, "LOGGING_COLORS=yes"), func(s config.Settings) any { return s.Logging.Colours }, true},
		"colour variable":                   {source(nil, keys, "LOGGING_COLOUR=yes"), func(s config.Settings) any { return s.Logging.Colours }, true},
		"name wins over alias, either way":  {withFile(`{"api_poll_frequency_seconds": 7, "api_poll_frequency": 6}`, keys), func(s config.Settings) any { return s.APIPollFrequency }, 7 * time.Second},
		"name wins over alias, other order": {withFile(`{"api_poll_frequency": 6, "api_poll_frequency_seconds": 7}`, keys), func(s config.Settings) any { return s.APIPollFrequency }, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.get(mustLoad(t, c.src)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEnvironmentOnly(t *testing.T) {
	s := mustLoad(t, source(nil, keys,
		"WEB_CONCURRENCY=2", "FORWARDED_ALLOW_IPS=10.1.2.3, 192.168.0.7/16,::1,::ffff:172.16.0.0/108",
		"HTTP_PROXY=http://upper:3128", "http_proxy=proxy:3128", "Https_Proxy=http://user:pass@proxy:3129/",
		"all_proxy=socks5://proxy:1080", "NO_PROXY=localhost,.example.com"))
	if s.WebConcurrency != 2 {
		t.Errorf("WebConcurrency %d", s.WebConcurrency)
	}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.1.2.4": false, "192.168.255.1": true, "172.31.0.1": true, "172.32.0.1": false, "::1": true, "127.0.0.1": false} {
		if got := trusts(s.ForwardedAllowIPs, address); got != want {
			t.Errorf("peer %s trusted: %t, want %t", address, got, want)
		}
	}
	got := []string{s.Proxy.HTTP.Reveal(), s.Proxy.HTTPS.Reveal(), s.Proxy.All.Reveal(), s.Proxy.No}
	want := []string{"http://proxy:3128", "http://user:pass@proxy:3129", "socks5://proxy:1080", "localhost,.example.com"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("proxies %q, want %q", got, want)
	}
}

func TestEnvironmentOnlyDefaults(t *testing.T) {
	s := mustLoad(t, source(nil, keys, "HTTP_PROXY=", "WEB_CONCURRENCY="))
	if s.WebConcurrency != 0 || s.Proxy != (config.Proxy{}) || s.ConfigPath != "config.json" {
		t.Errorf("got %+v", s)
	}
	if !trusts(s.ForwardedAllowIPs, "127.0.0.1") || trusts(s.ForwardedAllowIPs, "127.0.0.2") {
		t.Errorf("trusted peers %v, want 127.0.0.1 only", s.ForwardedAllowIPs)
	}
	all := mustLoad(t, source(nil, keys, "FORWARDED_ALLOW_IPS=*")).ForwardedAllowIPs
	if !trusts(all, "203.0.113.9") {
		t.Error("* does not trust everyone")
	}
	none := mustLoad(t, source(nil, keys, "FORWARDED_ALLOW_IPS=")).ForwardedAllowIPs
	if trusts(none, "127.0.0.1") {
		t.Error("an empty list trusts the loopback address")
	}
}

// trusts reports whether peers have an address.
func trusts(peers config.TrustedPeers, address string) bool {
	a := netip.MustParseAddr(address).Unmap()
	return peers.All || slices.ContainsFunc(peers.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func TestKeyPairs(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []config.KeyPair
	}{
		"rotation": {`[{"server_side_key":"ser.new","client_side_key":"c"},{"server_side_key":"ser.old","client_side_key":"c"}]`,
			[]config.KeyPair{pair("ser.new", "c"), pair("ser.old", "c")}},
		"trimmed": {`[{"server_side_key":" ser.a\n","client_side_key":"  c "}]`, []config.KeyPair{pair("ser.a", "c")}},
		"identical after trimming": {`[{"server_side_key":"ser.a","client_side_key":"c"},{"server_side_key":"ser.a ","client_side_key":"c"}]`,
			[]config.KeyPair{pair("ser.a", "c")}},
		"from a file":     {`[{"server_side_key":{"file":"/run/secrets/key"},"client_side_key":"c"}]`, []config.KeyPair{pair("ser.secret", "c")}},
		"list in a file":  {`{"file":"/run/secrets/pairs"}`, []config.KeyPair{pair("ser.x", "x")}},
		"unknown members": {`[{"server_side_key":"ser.a","client_side_key":"c","name":"production"}]`, []config.KeyPair{pair("ser.a", "c")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustLoad(t, source(map[string]string{
				"config.json":        `{"environment_key_pairs": ` + c.file + `}`,
				"/run/secrets/key":   "ser.secret\n",
				"/run/secrets/pairs": `[{"server_side_key":"ser.x","client_side_key":"x"},]`,
			}))
			if !reflect.DeepEqual(s.EnvironmentKeyPairs, c.want) {
				t.Errorf("pairs %v, want %v", s.EnvironmentKeyPairs, c.want)
			}
		})
	}
}

func TestKeyPairsAreNotNeededWithProxyKey(t *testing.T) {
	for name, src := range map[string]config.Source{
		"absent":         source(nil, "PROXY_KEY=discover"),
		"null":           withFile(`{"environment_key_pairs": null, "proxy_key": "discover"}`),
		"empty":          withFile(`{"environment_key_pairs": [], "proxy_key": "discover"}`),
		"empty variable": source(nil, "PROXY_KEY=discover", "ENVIRONMENT_KEY_PAIRS="),
	} {
		t.Run(name, func(t *testing.T) {
			if s := mustLoad(t, src); len(s.EnvironmentKeyPairs) != 0 || s.ProxyKey.Reveal() != "discover" {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestLeaseFollowsThePollInterval(t *testing.T) {
	for name, src := range map[string]config.Source{
		"unset":            source(nil, keys, "API_POLL_FREQUENCY=30"),
		"null":             withFile(`{"store":{"lease_seconds":null}}`, keys, "API_POLL_FREQUENCY=30"),
		"null over a file": withFile(`{"store":{"lease_seconds":5}}`, keys, "API_POLL_FREQUENCY=30", `STORE={"lease_seconds":null}`),
		"null variable":    withFile(`{"store":{"lease_seconds":5}}`, keys, "API_POLL_FREQUENCY=30", "STORE_LEASE_SECONDS=null"),
	} {
		if got := mustLoad(t, src).Store.Lease; got != time.Minute {
			t.Errorf("%s: lease %v, want 1m", name, got)
		}
	}
}

func TestLayers(t *testing.T) {
	file := `{
		"server": {"port": 1, "host": "file", "proxy_headers": true},
		"endpoint_caches": {"flags": {"use_cache": true, "cache_max_size": 1}, "identities": {"cache_max_size": 1}},
		"logging": {"override": {"handlers": {"a": {"level": "INFO"}, "b": {}}, "loggers": {"": {"handlers": ["a", "b"]}}}},
		"allow_origins": ["https://a.example.com", "https://b.example.com"],
	}`
	s := mustLoad(t, withFile(file, keys,
		`SERVER={"port": 2, "host": "section"}`, "server_port=3",
		`ENDPOINT_CACHES={"flags": {"cache_max_size": 2}, "identities": {"cache_max_size": 2}}`, `ENDPOINT_CACHES_FLAGS={"cache_max_size": 3}`,
		`LOGGING={"override": {"handlers": {"a": {"level": "DEBUG"}}}}`, `LOGGING_OVERRIDE={"loggers": {"": {"handlers": ["c"]}}}`,
		`ALLOW_ORIGINS=["https://c.example.com"]`))
	if want := (config.Server{Host: "section", Port: 3, ProxyHeaders: true}); s.Server.Host != want.Host || s.Server.Port != want.Port || s.Server.ProxyHeaders != want.ProxyHeaders {
		t.Errorf("server %+v", s.Server)
	}
	if want := (config.EndpointCaches{Flags: config.EndpointCache{UseCache: true, CacheMaxSize: 3}, Identities: config.IdentitiesCache{CacheMaxSize: 2, CacheMaxBytes: 64 << 20}}); s.EndpointCaches != want {
		t.Errorf("endpoint caches %+v, want %+v", s.EndpointCaches, want)
	}
	const override = `{"handlers":{"a":{"level":"DEBUG"},"b":{}},"loggers":{"":{"handlers":["c"]}}}`
	if !json.Valid(s.Logging.Override) || string(s.Logging.Override) != override {
		t.Errorf("override %s, want %s", s.Logging.Override, override)
	}
	if !reflect.DeepEqual(s.AllowOrigins, []string{"https://c.example.com"}) {
		t.Errorf("origins %q: lists replace", s.AllowOrigins)
	}
}

func TestAnOverriddenValueNeedNotBeValid(t *testing.T) {
	s := mustLoad(t, withFile(`{"server": {"port": [], "host": "a b"}}`, keys, "SERVER_PORT=1", "SERVER_HOST=localhost"))
	if s.Server.Port != 1 || s.Server.Host != "localhost" {
		t.Errorf("server %+v", s.Server)
	}
}

func TestAllowOriginsForms(t *testing.T) {
	for src, want := range map[*config.Source][]string{
		ptr(withFile(`{"allow_origins": "https://a.example.com"}`, keys)):                  {"https://a.example.com"},
		ptr(withFile(`{"allow_origins": "*"}`, keys)):                                      {"*"},
		ptr(withFile(`{"allow_origins": []}`, keys)):                                       {},
		ptr(source(nil, keys, "ALLOW_ORIGINS=*")):                                          {"*"},
		ptr(source(nil, keys, "ALLOW_ORIGINS=")):                                           {},
		ptr(source(nil, keys, `ALLOW_ORIGINS=""`)):                                         {},
		ptr(source(nil, keys, `ALLOW_ORIGINS="https://a.example.com"`)):                    {"https://a.example.com"},
		ptr(source(nil, keys, `ALLOW_ORIGINS="https://a.example.com, null"`)):              {"https://a.example.com", "null"},
		ptr(source(nil, keys, `ALLOW_ORIGINS=["https://a.example.com", "https://b.org"]`)): {"https://a.example.com", "https://b.org"},
	} {
		if got := mustLoad(t, *src).AllowOrigins; !reflect.DeepEqual(got, want) {
			t.Errorf("origins %q, want %q", got, want)
		}
	}
}

func TestNullGraceVariable(t *testing.T) {
	for _, environ := range []string{
		"HEALTH_CHECK_ENVIRONMENT_UPDATE_GRACE_PERIOD_SECONDS=null",
		`HEALTH_CHECK={"environment_update_grace_period_seconds": null}`,
	} {
		got := mustLoad(t, source(nil, keys, environ)).HealthCheck.GracePeriod
		if want := (config.GracePeriod{Never: true}); got != want {
			t.Errorf("%s: %+v", environ, got)
		}
	}
}

func ptr[T any](v T) *T { return &v }

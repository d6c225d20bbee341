package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestWarnings(t *testing.T) {
	const file = "config.json, line 1"
	for name, c := range map[string]struct {
		src  config.Source
		want []string
	}{
		"none": {withFile(`{"$schema": "x", "_comment": "y", "server": {"_comment": 1}}`, keys, "PATH=/bin", "HOME=/root", "API_URI=x", "FTP_PROXY=x", "SERVERS=1"), []string{}},
		"unknown": {withFile(`{"environments": 3, "server": {"ssl": {}}, "store": {"redis": {}}, "environment_key_pairs": [{"server_side_key":"ser.a","client_side_key":"c","name":"shop"}]}`, "SERVER_SSL_CERT=x", "Store_Type=redis"), []string{
			"environments: is not a setting and is ignored (" + file + ")",
			"server.ssl: is not a setting and is ignored (" + file + ")",
			"store.redis: is not a setting and is ignored (" + file + ")",
			"SERVER_SSL_CERT: is not a known variable and is ignored (variable SERVER_SSL_CERT)",
			"Store_Type: is not a known variable and is ignored (variable Store_Type)",
			"environment_key_pairs[0].name: is not a setting and is ignored (" + file + ")"}},
		"of other programs": {source(nil, keys, "WEBHOOK=secret", `STORE="x"`, "ANALYTICS=true"), []string{
			"STORE: is ignored: it is not a JSON object, so it seems to belong to another program (variable STORE)",
			"ANALYTICS: is ignored: it is not a JSON object, so it seems to belong to another program (variable ANALYTICS)",
			"WEBHOOK: is ignored: it is not a JSON object, so it seems to belong to another program (variable WEBHOOK)"}},
		"of the first Edge Proxy": {source(nil, keys, "ENVIRONMENT_API_KEYS=[]", "FLAGSMITH_API_URL=x"), []string{
			"ENVIRONMENT_API_KEYS: is a variable of the first Edge Proxy and is ignored; set ENVIRONMENT_KEY_PAIRS instead (variable ENVIRONMENT_API_KEYS)",
			"FLAGSMITH_API_URL: is a variable of the first Edge Proxy and is ignored; set API_URL instead (variable FLAGSMITH_API_URL)"}},
		"typos": {withFile("{\"api_ulr\": 1,\n\"server\": {\"prot\": 1, \"proxyHeaders\": true},\n\"health-check\": {},\n\"logging\": {\"level\": \"DEBUG\"}}", keys), []string{
			"api_ulr: is not a setting and is ignored; did you mean api_url? (" + file + ")",
			"health-check: is not a setting and is ignored; did you mean health_check? (config.json, line 3)",
			"server.prot: is not a setting and is ignored; did you mean server.port? (config.json, line 2)",
			"server.proxyHeaders: is not a setting and is ignored; did you mean server.proxy_headers? (config.json, line 2)",
			"logging.level: is not a setting and is ignored; did you mean logging.log_level? (config.json, line 4)"}},
		"wrong section": {withFile(`{"port": 1, "log_level": "DEBUG"}`, keys), []string{
			"port: is not a setting and is ignored; did you mean server.port? (" + file + ")",
			"log_level: is not a setting and is ignored; did you mean logging.log_level? (" + file + ")"}},
		"typo in a key pair": {withFile(`{"environment_key_pairs": [{"server_side_key":"ser.a","client_side_key":"c","client_sidekey":"d"}]}`), []string{
			"environment_key_pairs[0].client_sidekey: is not a setting and is ignored; did you mean client_side_key? (" + file + ")"}},
		"typos of variables": {source(nil, keys, "API_POLL_FREQUENCY_SECOND=1", "LOGGING_LEVEL=DEBUG", "Enviroment_Key_Pairs=[]"), []string{
			"API_POLL_FREQUENCY_SECOND: is not a known variable and is ignored; did you mean API_POLL_FREQUENCY_SECONDS? (variable API_POLL_FREQUENCY_SECOND)",
			"Enviroment_Key_Pairs: is not a known variable and is ignored; did you mean ENVIRONMENT_KEY_PAIRS? (variable Enviroment_Key_Pairs)",
			"LOGGING_LEVEL: is not a known variable and is ignored; did you mean LOGGING_LOG_LEVEL? (variable LOGGING_LEVEL)"}},
		"environment only": {withFile(`{"web_concurrency": 2}`, keys), []string{
			"web_concurrency: is ignored in the file; set the variable WEB_CONCURRENCY (" + file + ")"}},
		"file missing": {source(nil, keys, "CONFIG_PATH=/etc/proxy.json"), []string{
			"/etc/proxy.json: the configuration file does not exist, variables and defaults are used (variable CONFIG_PATH)"}},
		"pair repeated": {withFile(`{"environment_key_pairs": [{"server_side_key":"ser.a","client_side_key":"c"},{"server_side_key":"ser.a","client_side_key":"c"}]}`), []string{
			"environment_key_pairs[1]: the same pair of keys stands earlier in the list (" + file + ")"}},
		"name and alias": {withFile(`{"api_poll_timeout_seconds": 1, "api_poll_timeout": 2}`, keys, "API_POLL_FREQUENCY=1", "API_POLL_FREQUENCY_SECONDS=2"), []string{
			"api_poll_timeout: is ignored, since api_poll_timeout_seconds is there too (" + file + ")",
			"api_poll_frequency_seconds: variable API_POLL_FREQUENCY is ignored, since API_POLL_FREQUENCY_SECONDS is set too (variable API_POLL_FREQUENCY)"}},
		"key twice": {withFile("{\"api_poll_timeout\": 1,\n\"api_poll_timeout\": 2}", keys), []string{
			"api_poll_timeout_seconds: is there twice; the one here counts (config.json, line 2)"}},
		"spellings": {source(nil, keys, "api_url=http://a", "API_URL=http://b"), []string{
			"api_url: variable api_url is ignored, since API_URL is set too (variable api_url)"}},
		"origins": {source(nil, keys, "ALLOW_ORIGINS=https://a.example.com/,null,https://*.example.com"), []string{
			`allow_origins: "https://a.example.com/" matches no origin: an origin is a scheme, a host and perhaps a port, such as https://www.example.com (variable ALLOW_ORIGINS)`,
			`allow_origins: "https://*.example.com" matches no origin: an origin is a scheme, a host and perhaps a port, such as https://www.example.com (variable ALLOW_ORIGINS)`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, c.src); !reflect.DeepEqual(got, c.want) {
				t.Errorf("warnings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestKubernetesVariables(t *testing.T) {
	for _, address := range []string{"tcp://10.0.171.239:8000", "udp://10.0.171.239:53", "tcp://[fd00::1]:8000"} {
		src := withFile(`{"server": {"port": 9000}}`, keys,
			"SERVER_PORT="+address, "SERVER_PORT_8000_TCP="+address, "SERVER_PORT_8000_TCP_PROTO=tcp", "SERVER_PORT_8000_TCP_PORT=8000",
			"SERVER_PORT_8000_TCP_ADDR=10.0.171.239", "SERVER_SERVICE_HOST=10.0.171.239", "SERVER_SERVICE_PORT=8000", "SERVER_SERVICE_PORT_HTTP=8000")
		if got := mustLoad(t, src).Server.Port; got != 9000 {
			t.Errorf("port %d, want that of the file", got)
		}
		want := []string{`server.port: "` + address + `" is ignored: it looks like the variable that Kubernetes makes for a service (variable SERVER_PORT)`}
		if got := warnings(t, src); !reflect.DeepEqual(got, want) {
			t.Errorf("warnings %q, want %q", got, want)
		}
	}
}

func TestHTTPProxyUnderCGI(t *testing.T) {
	src := source(nil, keys, "REQUEST_METHOD=GET", "HTTP_PROXY=http://attacker.example.com", "HTTPS_PROXY=http://proxy:3128")
	s := mustLoad(t, src)
	if !s.Proxy.HTTP.IsZero() || s.Proxy.HTTPS.Reveal() != "http://proxy:3128" {
		t.Errorf("proxies %+v", s.Proxy)
	}
	if got := warnings(t, src); len(got) != 1 || !strings.HasPrefix(got[0], "http_proxy: is ignored where REQUEST_METHOD is set") {
		t.Errorf("warnings %q", got)
	}
	lower := mustLoad(t, source(nil, keys, "REQUEST_METHOD=GET", "http_proxy=http://proxy:3128"))
	if lower.Proxy.HTTP.Reveal() != "http://proxy:3128" {
		t.Errorf("http_proxy in lower case is ignored: %+v", lower.Proxy)
	}
}

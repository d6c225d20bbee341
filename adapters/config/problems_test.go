package config_test

import (
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestProblems(t *testing.T) {
	const file = "config.json, line 1"
	for name, c := range map[string]struct {
		src  config.Source
		want []string
	}{
		"no keys": {source(nil), []string{
			`environment_key_pairs is missing, must be a list of objects with "server_side_key" and "client_side_key", unless proxy_key is set (not set in config.json or by a variable)`}},
		"empty key pairs": {withFile(`{"environment_key_pairs": []}`), []string{
			`environment_key_pairs is empty, must be a list of objects with "server_side_key" and "client_side_key", unless proxy_key is set (` + file + `)`}},
		"port beyond": {withFile("{\n\"server\": {\n\"port\": 70000}}", keys), []string{
			`server.port is "70000", must be a whole number from 0 to 65535 (config.json, line 3)`}},
		"port below": {source(nil, keys, "SERVER_PORT=-1"), []string{
			`server.port is "-1", must be a whole number from 0 to 65535 (variable SERVER_PORT)`}},
		"port with a fraction": {source(nil, keys, "Server_Port=80.5"), []string{
			`server.port is "80.5", must be a whole number from 0 to 65535 (variable Server_Port)`}},
		"port true": {withFile(`{"server": {"port": true}}`, keys), []string{
			`server.port is true, must be a whole number from 0 to 65535 (` + file + `)`}},
		"number too large for any type": {source(nil, keys, "SERVER_MAX_BODY_BYTES=1e400"), []string{
			`server.max_body_bytes is "1e400", must be a whole number from 1 to 1073741824 (variable SERVER_MAX_BODY_BYTES)`}},
		"poll frequency zero": {withFile(`{"api_poll_frequency": 0}`, keys), []string{
			`api_poll_frequency_seconds is "0", must be a number of seconds above 0 and at most 86400 (config.json, line 1, written as api_poll_frequency)`}},
		"poll frequency below a nanosecond": {source(nil, keys, "API_POLL_FREQUENCY=1e-12"), []string{
			`api_poll_frequency_seconds is "1e-12", must be a number of seconds above 0 and at most 86400 (variable API_POLL_FREQUENCY)`}},
		"no number": {source(nil, keys, "API_POLL_TIMEOUT_SECONDS=nan", "SERVER_TIMEOUT_KEEP_ALIVE=inf", "ANALYTICS_FLUSH_INTERVAL_SECONDS=0x10"), []string{
			`api_poll_timeout_seconds is "nan", must be a number of seconds above 0 and at most 3600 (variable API_POLL_TIMEOUT_SECONDS)`,
			`server.timeout_keep_alive is "inf", must be a number of seconds above 0 and at most 86400 (variable SERVER_TIMEOUT_KEEP_ALIVE)`,
			`analytics.flush_interval_seconds is "0x10", must be a number of seconds above 0 and at most 86400 (variable ANALYTICS_FLUSH_INTERVAL_SECONDS)`}},
		"empty number": {source(nil, keys, "API_POLL_FREQUENCY_SECONDS="), []string{
			`api_poll_frequency_seconds is empty, must be a number of seconds above 0 and at most 86400 (variable API_POLL_FREQUENCY_SECONDS)`}},
		"empty grace period": {source(nil, keys, "HEALTH_CHECK_ENVIRONMENT_UPDATE_GRACE_PERIOD_SECONDS="), []string{
			`health_check.environment_update_grace_period_seconds is empty, must be null or a number of seconds from 0 to 31536000 (variable HEALTH_CHECK_ENVIRONMENT_UPDATE_GRACE_PERIOD_SECONDS)`}},
		"negative grace period": {withFile(`{"health_check": {"environment_update_grace_period_seconds": -1}}`, keys), []string{
			`health_check.environment_update_grace_period_seconds is "-1", must be null or a number of seconds from 0 to 31536000 (` + file + `)`}},
		"null": {withFile(`{"server": {"host": null}}`, keys), []string{
			`server.host is null, must be an IP address or a host name, without a port (` + file + `)`}},
		"host with a port": {source(nil, keys, "SERVER_HOST=localhost:8000"), []string{
			`server.host is "localhost:8000", must be an IP address or a host name, without a port (variable SERVER_HOST)`}},
		"boolean": {withFile(`{"server": {"reload": 2}}`, keys), []string{
			`server.reload is "2", must be true or false (also yes, no, on, off, 1, 0) (` + file + `)`}},
		"level and format": {withFile(`{"logging": {"log_level": "LOUD"}}`, keys, "LOGGING_LOG_FORMAT=xml"), []string{
			`logging.log_level is "LOUD", must be CRITICAL, ERROR, WARNING, INFO, DEBUG or NOTSET (` + file + `)`,
			`logging.log_format is "xml", must be generic or json (variable LOGGING_LOG_FORMAT)`}},
		"api url": {withFile(`{"api_url": "ftp://flagsmith.example.com"}`, keys), []string{
			`api_url is "ftp://flagsmith.example.com", must be a URL that begins with http://, https:// or file:// (` + file + `)`}},
		"api url without scheme": {source(nil, keys, "API_URL=flagsmith.example.com"), []string{
			`api_url is "flagsmith.example.com", must be a URL that begins with http://, https:// or file:// (variable API_URL)`}},
		"api url of a relative directory": {source(nil, keys, "API_URL=file://documents"), []string{
			`api_url is "file://documents", must be a file URL with an absolute path and no host, such as file:///var/lib/documents, or file:documents beside the configuration file (variable API_URL)`}},
		"api url with query": {source(nil, keys, "API_URL=https://a.example.com/?x=1"), []string{
			`api_url is "https://a.example.com/?x=1", must be a URL without a query or fragment (variable API_URL)`}},
		"api url with port": {source(nil, keys, "API_URL=https://a.example.com:70000"), []string{
			`api_url is "https://a.example.com:70000", must be a URL with a port from 1 to 65535 (variable API_URL)`}},
		"store url": {source(nil, keys, "STORE_URL=/var/lib/documents"), []string{
			`store.url is "/var/lib/documents", must be a URL with a scheme, such as memory: (variable STORE_URL)`}},
		"store prefix": {source(nil, keys, "STORE_PREFIX={a}"), []string{
			`store.prefix is "{a}", must be a text of letters, digits and . _ : / - (variable STORE_PREFIX)`}},
		"section of the wrong type": {withFile(`{"server": 8000}`, keys), []string{
			`server is 8000, must be a JSON object (` + file + `)`}},
		"section variable": {source(nil, keys, "LOGGING=DEBUG"), []string{
			`logging is "DEBUG", which is not valid JSON (line 1, column 1: invalid text, number or word), must be a JSON object (variable LOGGING)`}},
		"empty section variable": {source(nil, keys, "SERVER="), []string{
			`server is "", which is not valid JSON (it is empty), must be a JSON object (variable SERVER)`}},
		"override variable without JSON": {source(nil, keys, "LOGGING_OVERRIDE={]"), []string{
			`logging.override is "{]", which is not valid JSON (line 1, column 2: invalid character ']' at start of value), must be a JSON object (variable LOGGING_OVERRIDE)`}},
		"override": {withFile(`{"logging": {"override": []}}`, keys), []string{
			`logging.override is a list, must be a JSON object (` + file + `)`}},
		"override variable": {source(nil, keys, "LOGGING_OVERRIDE=[1]"), []string{
			`logging.override is "[1]", must be a JSON object (variable LOGGING_OVERRIDE)`}},
		"origins": {withFile(`{"allow_origins": [1]}`, keys), []string{
			`allow_origins is "[1]", must be a list of origins such as https://www.example.com, or *; a variable may separate them by commas (` + file + `)`}},
		"unix socket": {withFile(`{"server": {"unix_socket": "proxy.sock"}}`, keys), []string{
			`server.unix_socket is "proxy.sock", must be an absolute path of at most 103 bytes, such as /run/edge-proxy/proxy.sock (` + file + `)`}},
		"long unix socket": {source(nil, keys, "SERVER_UNIX_SOCKET=/"+strings.Repeat("x", 103)), []string{
			`server.unix_socket is "/` + strings.Repeat("x", 103) + `", must be an absolute path of at most 103 bytes, such as /run/edge-proxy/proxy.sock (variable SERVER_UNIX_SOCKET)`}},
		"allow": {withFile(`{"server": {"allow": ["10.0.0.0/8", "*"], "deny": "10.0.0.0/33"}}`, keys), []string{
			`server.allow is "[\"10.0.0.0/8\", \"*\"]", must be addresses and CIDR ranges such as 192.0.2.0/24; "*" is neither (` + file + `)`,
			`server.deny is "[\"10.0.0.0/33\"]", must be addresses and CIDR ranges such as 192.0.2.0/24; "10.0.0.0/33" is neither (` + file + `)`}},
		"forwarded allow ips": {source(nil, keys, "FORWARDED_ALLOW_IPS=10.0.0.1,proxy"), []string{
			`forwarded_allow_ips is "10.0.0.1,proxy", must be addresses and CIDR ranges separated by commas, or *; "proxy" is neither (variable FORWARDED_ALLOW_IPS)`}},
		"web concurrency": {source(nil, keys, "WEB_CONCURRENCY=-1"), []string{
			`web_concurrency is "-1", must be a whole number from 0 to 4096 (variable WEB_CONCURRENCY)`}},
		"http proxy": {source(nil, keys, "HTTPS_PROXY=ftp://proxy"), []string{
			`https_proxy is "ftp://proxy", must be a URL that begins with http://, https://, socks5:// or socks5h:// (variable HTTPS_PROXY)`}},
		"secret set twice": {source(nil, keys, "WEBHOOK_SECRET=a", "WEBHOOK_SECRET_FILE=/run/secrets/a"), []string{
			`webhook.secret is set twice, must be set by one of WEBHOOK_SECRET and WEBHOOK_SECRET_FILE (variable WEBHOOK_SECRET_FILE)`}},
		"secret file missing": {withFile(`{"webhook": {"secret": {"file": "/run/secrets/a"}}}`, keys), []string{
			`webhook.secret is in the file "/run/secrets/a", which is not readable: file does not exist, must be a file that can be read (` + file + `)`}},
		"key pair parts": {withFile(`{"environment_key_pairs": [{"server_side_key": "ser.a"}, {"client_side_key": ""}, {"server_side_key": 5, "client_side_key": []}, "ser.b"]}`), []string{
			`environment_key_pairs[0].client_side_key is missing, must be a text (` + file + `)`,
			`environment_key_pairs[1].server_side_key is missing, must be a text (` + file + `)`,
			`environment_key_pairs[1].client_side_key is empty, must be a client-side key (` + file + `)`,
			`environment_key_pairs[2].server_side_key is a number, must be a text (` + file + `)`,
			`environment_key_pairs[2].client_side_key is a list, must be a text (` + file + `)`,
			`environment_key_pairs[3] is "ser.…", must be an object with "server_side_key" and "client_side_key" (` + file + `)`}},
		"server-side keys": {source(nil, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"   ","client_side_key":"a"},{"server_side_key":"topsecret","client_side_key":"b"},{"server_side_key":"ser.","client_side_key":"c"},{"server_side_key":"ser.a b","client_side_key":"d"}]`), []string{
			`environment_key_pairs[0].server_side_key is empty, must be a server-side key, which begins with "ser." (variable ENVIRONMENT_KEY_PAIRS)`,
			`environment_key_pairs[1].server_side_key is "****", must be a server-side key, which begins with "ser." and has no blanks (variable ENVIRONMENT_KEY_PAIRS)`,
			`environment_key_pairs[2].server_side_key is "ser.…", must be a server-side key, which begins with "ser." and has no blanks (variable ENVIRONMENT_KEY_PAIRS)`,
			`environment_key_pairs[3].server_side_key is "ser.…b", must be a server-side key, which begins with "ser." and has no blanks (variable ENVIRONMENT_KEY_PAIRS)`}},
		"server-side keys with other characters": {withFile("{\"environment_key_pairs\": [\n{\"server_side_key\":\"ser.a\",\"client_side_key\":\"a\"},\n{\"server_side_key\":\"ser.abcdefghijkl/x\",\"client_side_key\":\"b\"},\n{\"server_side_key\":\"ser.abcdefghijkl,\",\"client_side_key\":\"c\"}]}"), []string{
			`environment_key_pairs[1].server_side_key is "ser.…kl/x", must be a server-side key, which has only letters, digits and . _ - after "ser."; was something pasted along with it? (config.json, line 3)`,
			`environment_key_pairs[2].server_side_key is "ser.…jkl,", must be a server-side key, which has only letters, digits and . _ - after "ser."; was something pasted along with it? (config.json, line 4)`}},
		"URLs with a password that is not escaped": {source(nil, keys, "API_URL=http://user:pw@HIDDEN/HIDDEN@host", "HTTPS_PROXY=http://user:pa%ss@proxy:3128", "HTTP_PROXY=http://user:pw@HIDDEN#HIDDEN@host"), []string{
			`api_url is "****", must be a URL in which user and password have "/", "?", "#", "@" and "%" as %2F, %3F, %23, %40 and %25 (variable API_URL)`,
			`http_proxy is "****", must be a URL in which user and password have "/", "?", "#", "@" and "%" as %2F, %3F, %23, %40 and %25 (variable HTTP_PROXY)`,
			`https_proxy is "http://xxxxx@proxy:3128", must be a URL in which "%" is followed by two hexadecimal digits; a "%" itself is written as %25 (variable HTTPS_PROXY)`}},
		"URLs with other faults": {source(nil, keys, "API_URL=https://flagsmith.example:80 80/api/v1", "STORE_URL=redis://redis.example:port", "REALTIME_URL=https://a b/"), []string{
			`api_url is "https://flagsmith.example:80 80/api/v1", must be a URL whose port is a number and in which user and password have "/", "?", "#", "@" and "%" as %2F, %3F, %23, %40 and %25 (variable API_URL)`,
			`store.url is "redis://redis.example:port", must be a URL whose port is a number and in which user and password have "/", "?", "#", "@" and "%" as %2F, %3F, %23, %40 and %25 (variable STORE_URL)`,
			`realtime_url is "https://a b/", must be a URL whose host name has no blanks and special characters (variable REALTIME_URL)`}},
		"swapped keys": {source(nil, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"client","client_side_key":"ser.abcdefghijkl"}]`), []string{
			`environment_key_pairs[0].server_side_key is "****", must be a server-side key, which begins with "ser." and has no blanks (variable ENVIRONMENT_KEY_PAIRS)`,
			`environment_key_pairs[0].client_side_key is "ser.…ijkl", must be a client-side key, not a server-side key (variable ENVIRONMENT_KEY_PAIRS)`}},
		"one server-side key for two environments": {withFile(`{"environment_key_pairs": [{"server_side_key":"ser.abcdefghijkl","client_side_key":"a"},{"server_side_key":"ser.abcdefghijkl","client_side_key":"b"}]}`), []string{
			`environment_key_pairs[1].server_side_key is "ser.…ijkl", must be another key than that of "a": a server-side key belongs to one environment (` + file + `)`}},
		"client-side key with blanks": {withFile(`{"environment_key_pairs": [{"server_side_key":"ser.a","client_side_key":"a b"}]}`), []string{
			`environment_key_pairs[0].client_side_key is "a b", must be a client-side key without blanks and control characters (` + file + `)`}},
		"server-side key in a missing file": {withFile(`{"environment_key_pairs": [{"server_side_key":{"file":"/run/secrets/a"},"client_side_key":"a"}]}`), []string{
			`environment_key_pairs[0].server_side_key is in the file "/run/secrets/a", which is not readable: file does not exist, must be a file that can be read (` + file + `)`}},
		"key pairs as a JSON object in a variable": {source(nil, "ENVIRONMENT_KEY_PAIRS={}"), []string{
			`environment_key_pairs is "****", must be a list of objects with "server_side_key" and "client_side_key" (variable ENVIRONMENT_KEY_PAIRS)`}},
		"key pairs as an object": {withFile(`{"environment_key_pairs": {"ser.abcdefghijkl": "client"}}`), []string{
			`environment_key_pairs is an object, must be a list of objects with "server_side_key" and "client_side_key" (` + file + `)`}},
		"placeholders": {withFile(string(config.Render(config.RenderOptions{}))), []string{
			`environment_key_pairs[0].server_side_key is the placeholder of the rendered configuration, must be replaced by your environment's server-side key (config.json, line 3)`,
			`environment_key_pairs[0].client_side_key is the placeholder of the rendered configuration, must be replaced by your environment's client-side key (config.json, line 3)`}},
		"file is not JSON": {withFile("{\n\"api_url\": \"https://a.example.com\"\n\"server\": {}}", keys), []string{
			`config.json is not valid JSON (line 3, column 1: invalid character '"' after object value (expecting ',' or '}')), must be a file that holds a JSON object; comments and trailing commas are allowed (the default path)`}},
		"file is a list": {source(map[string]string{"/etc/proxy.json": "[]"}, keys, "CONFIG_PATH=/etc/proxy.json"), []string{
			`/etc/proxy.json is a list, must be a file that holds a JSON object; comments and trailing commas are allowed (variable CONFIG_PATH)`}},
		"file is empty": {withFile(" \n", keys), []string{
			`config.json is not valid JSON (it is empty), must be a file that holds a JSON object; comments and trailing commas are allowed (the default path)`}},
		"file is nested without end": {withFile(strings.Repeat("[", 1<<20), keys), []string{
			`config.json is not valid JSON (it is nested too deeply), must be a file that holds a JSON object; comments and trailing commas are allowed (the default path)`}},
		"file is a directory": {config.Source{Environ: []string{keys}, ReadFile: func(name string) ([]byte, error) {
			return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("is a directory")}
		}}, []string{
			`config.json is not readable: is a directory, must be a file that holds a JSON object; comments and trailing commas are allowed (the default path)`}},
		"line breaks in values": {source(nil, keys, "SERVER_HOST=a\nb\r\nc\u2028d"), []string{
			`server.host is "a b  c d", must be an IP address or a host name, without a port (variable SERVER_HOST)`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, c.src); !reflect.DeepEqual(got, c.want) {
				t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestProblemsAreReportedTogetherInOrder(t *testing.T) {
	lines := refused(t, withFile(`{"server": {"port": "x"}, "logging": 5, "api_poll_timeout": -1}`, "WEB_CONCURRENCY=many"))
	want := []string{"logging ", "api_poll_timeout_seconds ", "server.port ", "web_concurrency ", "environment_key_pairs "}
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("problem %d is %q, want one of %s", i, line, want[i])
		}
	}
}

func TestNothingIsReturnedWithProblems(t *testing.T) {
	s, _, err := config.Load(source(nil, keys, "SERVER_PORT=x"))
	if err == nil || !reflect.DeepEqual(s, config.Settings{}) {
		t.Errorf("settings %+v, error %v", s, err)
	}
}

package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// hidden is in every secret below, and must be nowhere else.
const hidden = "hiddenhidden"

func TestSecretsAreNeverInMessages(t *testing.T) {
	for name, src := range map[string]config.Source{
		"broken key pairs":           source(nil, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.`+hidden+`\q"}]`),
		"broken file":                withFile(`{"environment_key_pairs": [{"server_side_key": "ser.` + hidden + `" "client_side_key": 1`),
		"invalid escape in the file": withFile(`{"proxy_key": "` + hidden + `\q"}`),
		"unquoted":                   withFile(`{"proxy_key": ` + hidden + `}`),
		"no prefix":                  withFile(`{"environment_key_pairs": [{"server_side_key": "` + hidden + `", "client_side_key": "c"}]}`),
		"swapped":                    withFile(`{"environment_key_pairs": [{"server_side_key": "c", "client_side_key": "ser.` + hidden + `"}]}`),
		"as a key of the file":       withFile(`{"environment_key_pairs": {"ser.` + hidden + `": "c"}, "server": {"ser.` + hidden + `_port": 1}}`),
		"in another setting":         source(nil, "SERVER_HOST=x ser."+hidden, "SERVER_PORT=ser."+hidden, "LOGGING_LOG_LEVEL=ser."+hidden),
		"proxy key with blanks":      source(nil, "PROXY_KEY=a "+hidden),
		"proxy key of a wrong type":  withFile(`{"proxy_key": ["` + hidden + `"], "webhook": {"secret": {"x": "` + hidden + `"}}}`),
		"store password":             source(nil, "STORE_URL=://user:"+hidden+"@redis"),
		"api password":               source(nil, "API_URL=ftp://user:"+hidden+"@api"),
		"api query":                  source(nil, "API_URL=https://api?api_key="+hidden),
		"proxy password":             source(nil, "HTTPS_PROXY=user:"+hidden+"@proxy:port"),
		"realtime user":              source(nil, "REALTIME_URL=ws://"+hidden+"@realtime"),
		"two environments":           withFile(`{"environment_key_pairs": [{"server_side_key":"ser.` + hidden + `","client_side_key":"a"},{"server_side_key":"ser.` + hidden + `","client_side_key":"b"}]}`),
		"section variable":           source(nil, `WEBHOOK={"secret": "`+hidden+`\q"}`),
		"long values":                source(nil, "SERVER_HOST="+strings.Repeat(" ", 190)+"x ser."+hidden),
		"variable name":              source(nil, "SERVER_POR=1", "LOGGING_LOG_LEVE=ser."+hidden),
		"typo of a key":              withFile(`{"proxy_keys": "` + hidden + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, all, err := config.Load(src)
			if err == nil {
				t.Fatal("loads")
			}
			if text := fmt.Sprintf("%v %+v %q %#v", err, all, err, all); strings.Contains(text, hidden) || strings.Contains(text, hidden[2:]) {
				t.Errorf("the secret is in %s", text)
			}
		})
	}
}

func TestSettingsCanBePrinted(t *testing.T) {
	s := mustLoad(t, source(nil, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.`+hidden+`","client_side_key":"c"}]`,
		"PROXY_KEY="+hidden, "WEBHOOK_SECRET="+hidden, "STORE_URL=redis://user:"+hidden+"@redis:6379/0?sentinel_password="+hidden+"&db=1",
		"HTTP_PROXY=http://"+hidden+"@proxy:3128", "API_URL=https://user:"+hidden+"@api.example.com"))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "all", s, "key", s.ProxyKey, "store", s.Store.URL)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "all", s, "key", s.ProxyKey, "store", s.Store.URL)
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	private := struct{ s config.Settings }{s} // its fields are out of reach for String methods
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v %v", s, &s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s), "%x": fmt.Sprintf("%x", s.ProxyKey),
		"log": log.String(), "JSON": string(encoded),
	} {
		if strings.Contains(text, hidden) || strings.Contains(text, fmt.Sprintf("%x", hidden)) {
			t.Errorf("%s shows a secret: %s", name, text)
		}
	}
	unexported := struct {
		secret config.Secret
		url    config.URL
	}{private.s.ProxyKey, private.s.Store.URL}
	if text := fmt.Sprintf("%v %+v %#v", unexported, unexported, unexported); strings.Contains(text, hidden) {
		t.Errorf("unexported fields show a secret: %s", text)
	}
	if got, want := s.Store.URL.String(), "redis://xxxxx@redis:6379/0?sentinel_password=xxxxx&db=1"; got != want {
		t.Errorf("store URL is shown as %s, want %s", got, want)
	}
	if got := s.Store.URL.Parse(); got.Host != "redis:6379" || got.Query().Get("sentinel_password") != hidden {
		t.Errorf("store URL parsed: %v", got)
	}
}

func TestSecretEquality(t *testing.T) {
	a, same, other := config.NewSecret("a"), config.NewSecret(strings.ToLower("A")), config.NewSecret("b")
	if a != same || a == other || !config.NewSecret("").IsZero() {
		t.Error("secrets are not compared by their texts")
	}
	var zero config.Secret
	if zero.Reveal() != "" || zero.String() != "" || (config.URL{}).String() != "" || (config.URL{}).Parse() != nil {
		t.Error("the zero values are not empty")
	}
}

func TestSecretsFromFiles(t *testing.T) {
	files := map[string]string{
		"/app/config.json":    `{"proxy_key": {"file": "secrets/proxy"}, "webhook": {"secret": {"file": "/run/secrets/other"}}}`,
		"/app/secrets/proxy":  "proxy\n",
		"/run/secrets/other":  "other",
		"/run/secrets/hook":   " hook\r\n",
		"/run/secrets/store":  "redis://:p@redis:6379",
		"/run/secrets/pairs":  `[{"server_side_key": "ser.a", "client_side_key": "c"}]`,
		"/run/secrets/unused": "x",
	}
	src := source(files, "WEBHOOK_SECRET_FILE=/run/secrets/hook", "WEBHOOK_SECRET=", "store_url_file=/run/secrets/store", "ENVIRONMENT_KEY_PAIRS_FILE=/run/secrets/pairs", "PROXY_KEY_FILE=")
	src.WorkingDir = "/app"
	s := mustLoad(t, src)
	if s.ProxyKey.Reveal() != "proxy" || s.Webhook.Secret.Reveal() != "hook" || s.Store.URL.Reveal() != "redis://:p@redis:6379" {
		t.Errorf("secrets %q %q %q", s.ProxyKey.Reveal(), s.Webhook.Secret.Reveal(), s.Store.URL.Reveal())
	}
	if !slices.Equal(s.EnvironmentKeyPairs, []config.KeyPair{pair("ser.a", "c")}) {
		t.Errorf("pairs %v", s.EnvironmentKeyPairs)
	}
	if s.ConfigPath != "/app/config.json" {
		t.Errorf("ConfigPath %s", s.ConfigPath)
	}
}

// Wherever there is a secret, a file can stand for it.
func TestEverySecretCanComeFromAFile(t *testing.T) {
	secrets := map[string]struct {
		inFile string // %s is the secret, as JSON
		text   string
		get    func(config.Settings) string
	}{
		"ENVIRONMENT_KEY_PAIRS": {`{"environment_key_pairs": %s}`, `[{"server_side_key": "ser.from_a_file", "client_side_key": "c"}]`, func(s config.Settings) string {
			return fmt.Sprintf(`[{"server_side_key": %q, "client_side_key": %q}]`, s.EnvironmentKeyPairs[0].ServerSideKey.Reveal(), s.EnvironmentKeyPairs[0].ClientSideKey)
		}},
		"API_URL":        {`{"api_url": %s}`, "https://u:p@api.example.com", func(s config.Settings) string { return s.APIURL.Reveal() }},
		"STORE_URL":      {`{"store": {"url": %s}}`, "redis://:p@redis", func(s config.Settings) string { return s.Store.URL.Reveal() }},
		"PROXY_KEY":      {`{"proxy_key": %s}`, "proxy", func(s config.Settings) string { return s.ProxyKey.Reveal() }},
		"REALTIME_URL":   {`{"realtime_url": %s}`, "https://u:p@realtime.example.com", func(s config.Settings) string { return s.RealtimeURL.Reveal() }},
		"EVENTS_URL":     {`{"events": {"url": %s}}`, "https://u:p@events.example.com", func(s config.Settings) string { return s.Events.URL.Reveal() }},
		"WEBHOOK_SECRET": {`{"webhook": {"secret": %s}}`, "hook", func(s config.Settings) string { return s.Webhook.Secret.Reveal() }},
		"ADMIN_TOKEN":    {`{"admin": {"token": %s}}`, "token", func(s config.Settings) string { return s.Admin.Token.Reveal() }},
		"HTTP_PROXY":     {"", "http://u:p@proxy:1", func(s config.Settings) string { return s.Proxy.HTTP.Reveal() }},
		"HTTPS_PROXY":    {"", "http://u:p@proxy:2", func(s config.Settings) string { return s.Proxy.HTTPS.Reveal() }},
		"ALL_PROXY":      {"", "http://u:p@proxy:3", func(s config.Settings) string { return s.Proxy.All.Reveal() }},
	}
	for _, e := range config.Reference() {
		secret, known := secrets[e.Variable]
		if e.Confidential != known {
			t.Errorf("%s is confidential: %t, and has a row here: %t", e.Variable, e.Confidential, known)
		}
		if !known {
			continue
		}
		t.Run(e.Variable, func(t *testing.T) {
			others := []string{keys}
			if e.Variable == "ENVIRONMENT_KEY_PAIRS" {
				others = nil
			}
			files := map[string]string{"/secret": " " + secret.text + "\n", "/empty": " \n"}
			if got := secret.get(mustLoad(t, source(files, append(others, e.FileVariable+"=/secret")...))); got != secret.text {
				t.Errorf("%s: %q, want %q", e.FileVariable, got, secret.text)
			}
			refusals := []config.Source{source(files, append(others, e.FileVariable+"=/none")...), source(files, append(others, e.FileVariable+"=/empty")...)}
			if secret.inFile != "" {
				files["config.json"] = fmt.Sprintf(secret.inFile, `{"file": "/secret"}`)
				if got := secret.get(mustLoad(t, source(files, others...))); got != secret.text {
					t.Errorf("file: %q, want %q", got, secret.text)
				}
				refusals = append(refusals, withFile(fmt.Sprintf(secret.inFile, `{"file": "/none"}`), others...))
			}
			for i, src := range refusals {
				if lines := refused(t, src); len(lines) != 1 || !strings.Contains(lines[0], "is in the file") {
					t.Errorf("refusal %d: %q", i, lines)
				}
			}
		})
	}
}

func TestKeysOfAPairComeFromFilesEach(t *testing.T) {
	files := map[string]string{"/server": "ser.a\n", "/client": "c\n", "/empty": "\n"}
	s := mustLoad(t, source(files, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":{"file":"/server"},"client_side_key":{"file":"/client"}}]`))
	if !slices.Equal(s.EnvironmentKeyPairs, []config.KeyPair{pair("ser.a", "c")}) {
		t.Errorf("pairs %v", s.EnvironmentKeyPairs)
	}
	lines := refused(t, source(files, `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":{"file":"/empty"},"client_side_key":"c"}]`))
	want := `environment_key_pairs[0].server_side_key is in the file "/empty", which is empty, must be a file that holds the value (variable ENVIRONMENT_KEY_PAIRS)`
	if len(lines) != 1 || lines[0] != want {
		t.Errorf("problems %q, want %q", lines, want)
	}
}

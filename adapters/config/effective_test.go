package config_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func effective(t *testing.T, src config.Source) config.Effective {
	t.Helper()
	_, e, _, err := config.LoadEffective(src)
	if err != nil {
		t.Fatalf("LoadEffective: %v", err)
	}
	return e
}

// settingOf returns a setting of e in its JSON form, as "VALUE from SOURCE (ORIGIN)".
func settingOf(t *testing.T, e config.Effective, key string) string {
	t.Helper()
	i := slices.IndexFunc(e.Settings, func(s config.EffectiveSetting) bool { return s.Key == key })
	if i < 0 {
		t.Fatalf("no setting %s", key)
	}
	value, err := json.Marshal(e.Settings[i].Value)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return fmt.Sprintf("%s from %s (%s)", value, e.Settings[i].Source, e.Settings[i].Origin)
}

const explained = `{
  "environment_key_pairs": [{"server_side_key": "ser.abcdefgh5678", "client_side_key": "client1"}],
  "server": {"port": 9000, "drain_delay_seconds": 0.5},
  "allow_origins": ["https://shop.example.com"],
  "logging": {"colour": true, "override": {"loggers": {"a": {"level": "INFO"}}}},
  "store": {"url": "redis://user:hush-store@cache:6379/0"},
  "health_check": {"environment_update_grace_period_seconds": null},
  "proxy_key": {"file": "/run/proxy_key"},
  "loging": {},
  "web_concurrency": 3
}`

func explainedSource(environ ...string) config.Source {
	return source(map[string]string{"config.json": explained, "/run/proxy_key": "hush-proxy", "/run/hook": "hush-hook"}, environ...)
}

func TestEffectiveSaysWhereEachValueComesFrom(t *testing.T) {
	e := effective(t, explainedSource(
		"SERVER_PORT=9100", "WEBHOOK_SECRET_FILE=/run/hook", `LOGGING_OVERRIDE={"loggers":{"b":{"level":"DEBUG"}}}`,
		"EVENTS_URL=", "FORWARDED_ALLOW_IPS=10.0.0.0/8,*", "HTTPS_PROXY=http://user:hush-forward@proxy:3128", "STORE_PREFX=a",
	))
	for key, want := range map[string]string{
		"environment_key_pairs":      `[{"server_side_key":"ser.…5678","client_side_key":"client1"}] from file:2 (config.json, line 2)`,
		"server.port":                `9100 from variable (variable SERVER_PORT)`,
		"server.drain_delay_seconds": `0.5 from file:3 (config.json, line 3)`,
		"server.host":                `"0.0.0.0" from default ()`,
		"allow_origins":              `["https://shop.example.com"] from file:4 (config.json, line 4)`,
		"logging.colours":            `true from file:5 (config.json, line 5, written as colour)`,
		"logging.override":           `{"loggers":{"a":{"level":"INFO"},"b":{"level":"DEBUG"}}} from file:5 and variable (config.json, line 5 and variable LOGGING_OVERRIDE)`,
		"store.url":                  `"redis://xxxxx@cache:6379/0" from file:6 (config.json, line 6)`,
		"store.lease_seconds":        `20 from default ()`,
		"health_check.environment_update_grace_period_seconds": `null from file:7 (config.json, line 7)`,
		"proxy_key":           `"****" from secret file (config.json, line 8)`,
		"webhook.secret":      `"****" from secret file (variable WEBHOOK_SECRET_FILE)`,
		"events.url":          `null from variable (variable EVENTS_URL)`,
		"realtime_url":        `null from default ()`,
		"forwarded_allow_ips": `["*","10.0.0.0/8"] from variable (variable FORWARDED_ALLOW_IPS)`,
		"https_proxy":         `"http://xxxxx@proxy:3128" from variable (variable HTTPS_PROXY)`,
		"web_concurrency":     `null from default ()`,
		"admin.port":          `8001 from default ()`,
	} {
		if got := settingOf(t, e, key); got != want {
			t.Errorf("%s is %s\nwant %s", key, got, want)
		}
	}
	if want := []string{"loging", "web_concurrency", "STORE_PREFX"}; !slices.Equal(e.Ignored, want) {
		t.Errorf("ignored are %q, want %q", e.Ignored, want)
	}
	if len(e.Warnings) != 3 || !strings.Contains(e.Warnings[0], "loging") {
		t.Errorf("warnings are %q", e.Warnings)
	}
}

func TestEffectiveHoldsNoSecret(t *testing.T) {
	e := effective(t, explainedSource("WEBHOOK_SECRET=hush-hook", `LOGGING_OVERRIDE={"formatters":{"f":{"format":"ser.abcdefgh5678"}}}`,
		"ALL_PROXY=http://user:hush-forward@proxy:3128", "ALLOW_ORIGINS=https://user:ser.abcdefgh5678@a.example", "LOGGING_LOG_EVENT_FIELD_NAME=ser.abcdefgh5678"))
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
		for _, secret := range []string{"hush", "abcdefgh"} {
			if strings.Contains(shown, secret) {
				t.Errorf("%s is shown in %s", secret, shown)
			}
		}
	}
}

// TestEffectiveShowsEverySetting: a setting of a new kind must not be left masked.
func TestEffectiveShowsEverySetting(t *testing.T) {
	e := effective(t, source(nil, keys))
	reference := config.Reference()
	if len(e.Settings) != len(reference) {
		t.Fatalf("%d settings, want %d", len(e.Settings), len(reference))
	}
	for i, s := range e.Settings {
		if s.Variable != reference[i].Variable || s.Reload != reference[i].Reload {
			t.Errorf("setting %d is %+v, want %s", i, s, reference[i].Variable)
		}
		if s.Value == "****" {
			t.Errorf("%s is shown masked, though it holds no secret", s.Key)
		}
	}
}

func TestHashFollowsValues(t *testing.T) {
	base := effective(t, source(nil, keys)).Hash
	if len(base) != 16 {
		t.Errorf("hash %q", base)
	}
	same := map[string]config.Source{
		"again":            source(nil, keys),
		"a default is set": source(nil, keys, "SERVER_PORT=8000"),
		"from a file":      withFile(`{"environment_key_pairs":[{"client_side_key":"client1","server_side_key":"ser.server1"}]}`),
		"another file":     source(map[string]string{"other.json": "{}"}, keys, "CONFIG_PATH=other.json"),
		"a warning":        source(nil, keys, "SERVER_PROT=1"),
	}
	for name, src := range same {
		if got := effective(t, src).Hash; got != base {
			t.Errorf("%s: hash %s, want %s", name, got, base)
		}
	}
	seen := map[string]string{base: "the defaults"}
	for name, src := range map[string]config.Source{
		"a number": source(nil, keys, "SERVER_PORT=8001"),
		"a text":   source(nil, keys, "STORE_PREFIX=other"),
		"a key":    source(nil, strings.ReplaceAll(keys, "server1", "server2")),
		"unset":    source(nil, keys, "EVENTS_URL="),
		"a secret": source(nil, keys, "WEBHOOK_SECRET=a"),
	} {
		got := effective(t, src).Hash
		if other, known := seen[got]; known {
			t.Errorf("%s: the hash is that of %s", name, other)
		}
		seen[got] = name
	}
	if a, b := effective(t, source(nil, keys, "WEBHOOK_SECRET=a")), effective(t, source(nil, keys, "WEBHOOK_SECRET=b")); a.Hash != b.Hash {
		t.Error("the hash depends on a secret, which could be guessed by trying")
	}
}

func TestReloadedKeepsWhatNeedsARestart(t *testing.T) {
	before := source(nil, keys, "SERVER_PORT=8001")
	after := source(nil, keys, "SERVER_PORT=8002", "API_POLL_FREQUENCY_SECONDS=3")
	first, second := effective(t, before), effective(t, after)
	result := config.Reload(mustLoad(t, before), mustLoad(t, after))
	got := first.Reloaded(second, result.Restart)
	if port := settingOf(t, got, "server.port"); !strings.HasPrefix(port, "8001 ") {
		t.Errorf("server.port is %s, want what is in force", port)
	}
	if poll := settingOf(t, got, "api_poll_frequency_seconds"); !strings.HasPrefix(poll, "3 ") {
		t.Errorf("api_poll_frequency_seconds is %s, want the new value", poll)
	}
	if !slices.Equal(got.RestartNeeded, []string{"server.port"}) {
		t.Errorf("a restart is needed for %q", got.RestartNeeded)
	}
	if got.Hash == first.Hash || got.Hash == second.Hash {
		t.Error("the hash is not that of the values in force")
	}
	back := got.Reloaded(first, nil)
	if !reflect.DeepEqual(back, first) {
		t.Errorf("after the change was undone: %+v", back)
	}
}

func TestEffectiveOfAWrongConfigurationIsEmpty(t *testing.T) {
	_, e, warnings, err := config.LoadEffective(source(nil, keys, "SERVER_PORT=99999", "SERVER_PROT=1"))
	if err == nil || len(e.Settings) != 0 || len(warnings) != 1 {
		t.Errorf("got %v, %+v, %v", err, e, warnings)
	}
}

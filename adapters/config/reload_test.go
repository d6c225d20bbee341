package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestReload(t *testing.T) {
	inForce := mustLoad(t, withFile(`{"server": {"port": 1}, "logging": {"log_level": "INFO"}}`, keys))
	loaded := mustLoad(t, withFile(`{"server": {"port": 2, "host": "127.0.0.1"}, "logging": {"log_level": "DEBUG"}, "webhook": {"secret": "p"}, "api_poll_frequency_seconds": 5}`, keys))
	before := inForce
	got := config.Reload(inForce, loaded)
	if want := []string{"api_poll_frequency_seconds", "logging.log_level", "store.lease_seconds", "webhook.secret"}; !slices.Equal(got.Live, want) {
		t.Errorf("live %q, want %q", got.Live, want)
	}
	if want := []string{"server.host", "server.port"}; !slices.Equal(got.Restart, want) {
		t.Errorf("restart %q, want %q", got.Restart, want)
	}
	if s := got.Settings; s.Server.Port != 1 || s.Server.Host != "0.0.0.0" || s.Logging.LogLevel != "DEBUG" || s.Webhook.Secret.Reveal() != "p" || s.APIPollFrequency != 5*time.Second {
		t.Errorf("settings %+v", s)
	}
	if !reflect.DeepEqual(inForce, before) {
		t.Error("the settings in force were changed")
	}
	// The same once more: what waits for a restart is found again, nothing else.
	again := config.Reload(got.Settings, loaded)
	if again.Live != nil || !slices.Equal(again.Restart, got.Restart) {
		t.Errorf("again: live %q, restart %q", again.Live, again.Restart)
	}
	// Once it is taken back, nothing differs.
	back := config.Reload(got.Settings, mustLoad(t, withFile(`{"server": {"port": 1}, "logging": {"log_level": "DEBUG"}, "webhook": {"secret": "p"}, "api_poll_frequency_seconds": 5}`, keys)))
	if back.Live != nil || back.Restart != nil {
		t.Errorf("taken back: live %q, restart %q", back.Live, back.Restart)
	}
}

// Variables of a process do not change while it runs.
func TestVariablesAreNotLive(t *testing.T) {
	for _, e := range config.Reference() {
		if e.Key == "" && e.Reload != config.Restart {
			t.Errorf("%s cannot change while the proxy runs", e.Variable)
		}
	}
}

func TestReloadOfTheProxyKey(t *testing.T) {
	const pairs, proxyKey = "environment_key_pairs", "proxy_key"
	none := "ENVIRONMENT_KEY_PAIRS=[]"
	for name, c := range map[string]struct {
		inForce, loaded []string
		live, restart   []string
		pairs           int
		key             string
	}{
		"another one":                {[]string{none, "PROXY_KEY=a"}, []string{none, "PROXY_KEY=b"}, []string{proxyKey}, nil, 0, "b"},
		"beside pairs":               {[]string{keys}, []string{keys, "PROXY_KEY=b"}, nil, []string{proxyKey}, 1, ""},
		"in the place of pairs":      {[]string{keys}, []string{"PROXY_KEY=b"}, nil, []string{pairs, proxyKey}, 1, ""},
		"pairs in its place":         {[]string{"PROXY_KEY=a"}, []string{keys}, []string{pairs}, []string{proxyKey}, 1, "a"},
		"pairs taken away beside it": {[]string{keys, "PROXY_KEY=a"}, []string{"PROXY_KEY=a"}, []string{pairs}, nil, 0, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			got := config.Reload(mustLoad(t, source(nil, c.inForce...)), mustLoad(t, source(nil, c.loaded...)))
			if !slices.Equal(got.Live, c.live) || !slices.Equal(got.Restart, c.restart) {
				t.Errorf("live %q, restart %q, want %q and %q", got.Live, got.Restart, c.live, c.restart)
			}
			if n := len(got.Settings.EnvironmentKeyPairs); n != c.pairs || got.Settings.ProxyKey.Reveal() != c.key {
				t.Errorf("%d pairs and proxy key %q", n, got.Settings.ProxyKey.Reveal())
			}
		})
	}
}

// Every setting says when a change takes effect, and Reload does so.
func TestEverySettingHasAnEffect(t *testing.T) {
	count := map[config.Effect]int{}
	for _, e := range config.Reference() {
		count[e.Reload]++
	}
	if len(count) != 3 || count[config.Live] == 0 || count[config.LiveValue] == 0 || count[config.Restart] == 0 {
		t.Errorf("effects: %v", count)
	}
	inForce := mustLoad(t, source(nil, keys))
	for _, s := range eachSetting {
		loaded := mustLoad(t, withFile(nested(s.key, s.json), without(s.key)...))
		if reflect.DeepEqual(s.fromFile, s.byDefault) {
			loaded = mustLoad(t, source(nil, append(without(s.key), strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))+"="+s.text)...))
		}
		got := config.Reload(inForce, loaded)
		want := effectOf(t, s.key)
		if s.key == "proxy_key" {
			want = config.Restart // it was unset
		}
		if isLive := slices.Contains(got.Live, s.key); isLive != (want == config.Live) || slices.Contains(got.Restart, s.key) == isLive {
			t.Errorf("%s: live %q, restart %q, want %s", s.key, got.Live, got.Restart, want)
		}
		if from, to := s.get(inForce), s.get(got.Settings); reflect.DeepEqual(from, to) == (want == config.Live) {
			t.Errorf("%s: %v became %v, want %s", s.key, from, to, want)
		}
	}
}

// without are the keys as a variable, unless they are what is set.
func without(key string) []string {
	if key == "environment_key_pairs" {
		return nil
	}
	return []string{keys}
}

func effectOf(t *testing.T, key string) config.Effect {
	t.Helper()
	for _, e := range config.Reference() {
		if e.Key == key {
			return e.Reload
		}
	}
	t.Fatalf("%s is not a setting", key)
	return ""
}

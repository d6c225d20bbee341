package config_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// checkedSource is a source with checks that refuse what they look at.
func checkedSource(src config.Source) config.Source {
	src.Checks = []config.Check{
		{Keys: []string{"server.host", "server.port"}, Find: func(s config.Settings) error {
			if s.Server.Port == 81 {
				return errors.New("server.host has something against port 81")
			}
			return nil
		}},
		{Keys: []string{"store.url"}, Find: func(s config.Settings) error {
			return errors.Join(errors.New("store.url is small"), errors.New("store.url is ugly"))
		}},
	}
	return src
}

func TestChecksAreProblemsLikeOthers(t *testing.T) {
	src := checkedSource(withFile("{\n\"store\": {\n\"url\": \"memory:\"}}", keys, "SERVER_PORT=81", "API_POLL_FREQUENCY_SECONDS=no"))
	want := []string{
		`api_poll_frequency_seconds is "no", must be a number of seconds above 0 and at most 86400 (variable API_POLL_FREQUENCY_SECONDS)`,
		"server.host has something against port 81 (not set in config.json or by a variable)",
		"store.url is small (config.json, line 3)",
		"store.url is ugly (config.json, line 3)",
	}
	if got := refused(t, src); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A value that is wrong by itself is reported once and not passed to checks.
func TestChecksLookAtGoodValuesOnly(t *testing.T) {
	src := checkedSource(source(nil, keys, "SERVER_PORT=no", "STORE_URL=nowhere"))
	want := []string{
		`server.port is "no", must be a whole number from 0 to 65535 (variable SERVER_PORT)`,
		`store.url is "nowhere", must be a URL with a scheme, such as memory: (variable STORE_URL)`,
	}
	if got := refused(t, src); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadStoreRunsItsChecks(t *testing.T) {
	_, _, err := config.LoadStore(overridden(checkedSource(source(nil, "SERVER_PORT=81")), config.Override{Key: "store.url", Value: "memory:", Origin: "flag --store"}))
	if want := "store.url is small (flag --store)\nstore.url is ugly (flag --store)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

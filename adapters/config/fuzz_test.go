package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// checkLoad holds what is true of every configuration.
func checkLoad(t *testing.T, src config.Source) {
	s, _, err := config.Load(src)
	var problems *config.ProblemsError
	switch {
	case errors.As(err, &problems):
		if lines := strings.Split(err.Error(), "\n"); len(lines) != len(problems.Problems) {
			t.Errorf("%d problems in %d lines: %q", len(problems.Problems), len(lines), err)
		}
	case err != nil:
		t.Errorf("error is no *ProblemsError: %v", err)
	default:
		if s.APIPollFrequency <= 0 || s.APIPollTimeout <= 0 || s.Store.Lease <= 0 || s.Server.Port < 0 || s.Server.Port > 65535 || s.APIURL.Parse() == nil || s.Store.URL.Parse() == nil {
			t.Errorf("settings out of bounds: %+v", s)
		}
		if len(s.EnvironmentKeyPairs) == 0 && s.ProxyKey.IsZero() {
			t.Error("loads without any key")
		}
		if again, _, err := config.Load(src); err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("loaded again: %+v, %v, want %+v", again, err, s)
		}
	}
}

func FuzzLoadFile(f *testing.F) {
	f.Add(config.Render(config.RenderOptions{}))
	f.Add([]byte(`{"environment_key_pairs": [{"server_side_key": "ser.a", "client_side_key": "c"},], /* x */ "server": {"port": "5"}}`))
	f.Add([]byte(`"endpoint_caches": {"flags": {"use_cache": "yes"}}, "logging": {"override": {"a": {"b": [1e5]}}, "colour": 1}`))
	f.Add([]byte(`{"api_poll_frequency": 1e308, "proxy_key": {"file": "config.json"}, "allow_origins": "a,b", "health_check": null}`))
	f.Add([]byte("\xef\xbb\xbf{\"server\": {\"prot\": null}}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		read := func(string) ([]byte, error) { return content, nil }
		checkLoad(t, config.Source{ReadFile: read})
		checkLoad(t, config.Source{ReadFile: read, Environ: []string{keys, `LOGGING={"override": {"a": {"c": 1}}}`}})
	})
}

func FuzzLoadVariables(f *testing.F) {
	f.Add(keys)
	f.Add("SERVER_PORT=tcp://10.0.0.1:80\nPROXY_KEY=a")
	f.Add("HTTP_PROXY=user:pass@proxy:1\nREQUEST_METHOD=GET\nhttp_proxy=[::1")
	f.Add("LOGGING={\"override\": {\"a\": 1}}\nLOGGING_OVERRIDE={\"a\": {}}\nPROXY_KEY=x")
	f.Add("FORWARDED_ALLOW_IPS=::ffff:10.0.0.0/97,10.0.0.0/33\nAPI_POLL_FREQUENCY=1_0.5e0\nSTORE_URL=redis://:p@h?password=x")
	f.Add("ALLOW_ORIGINS=[\"*\",1]\nWEBHOOK_SECRET_FILE=x\nENVIRONMENT_KEY_PAIRS_FILE=x\nAPI_UR=1\nSERVER_PROT=1")
	f.Fuzz(func(t *testing.T, lines string) {
		checkLoad(t, config.Source{Environ: strings.Split(lines, "\n")})
	})
}

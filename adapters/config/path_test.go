package config_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestPath(t *testing.T) {
	for want, environ := range map[string][]string{
		"config.json": {"OTHER=1", "CONFIG_PATH="},
		"/a.json":     {"config_path=/b.json", "CONFIG_PATH=/a.json"},
		"/b.json":     {"config_path=/b.json"},
	} {
		if got := config.Path(environ); got != want {
			t.Errorf("%v: %s, want %s", environ, got, want)
		}
	}
}

package config_test

import (
	"errors"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestPath(t *testing.T) {
	for want, environ := range map[string][]string{
		"config.json": {"OTHER=1", "CONFIG_PATH="},
		"/a.json":     {"config_path=/b.json", "CONFIG_PATH=/a.json"},
		"/b.json":     {"config_path=/b.json"},
	} {
		if got := config.Path(config.Source{Environ: environ}); got != want {
			t.Errorf("%v: %s, want %s", environ, got, want)
		}
	}
}

func TestAnUnreadableFileIsTheOnlyProblem(t *testing.T) {
	_, _, err := config.Load(config.Source{ReadFile: func(string) ([]byte, error) { return []byte(`{"server": `), nil }})
	var problems *config.ProblemsError
	if !errors.As(err, &problems) || len(problems.Problems) != 1 || problems.Problems[0].Key != "config.json" {
		t.Errorf("got %v, want one problem, with the file", err)
	}
}

package config_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// keys is the least a configuration needs, as a variable.
const keys = `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.server1","client_side_key":"client1"}]`

// source is a configuration of files, by name, and variables.
func source(files map[string]string, environ ...string) config.Source {
	return config.Source{
		Environ: environ,
		ReadFile: func(name string) ([]byte, error) {
			content, ok := files[name]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(content), nil
		},
	}
}

func withFile(content string, environ ...string) config.Source {
	return source(map[string]string{"config.json": content}, environ...)
}

func mustLoad(t *testing.T, src config.Source) config.Settings {
	t.Helper()
	s, _, err := config.Load(src)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return s
}

// defaults returns the settings of a configuration that has nothing but keys,
// without these.
func defaults(t *testing.T) config.Settings {
	t.Helper()
	s := mustLoad(t, source(nil, keys))
	s.EnvironmentKeyPairs = nil
	return s
}

// changed returns the keys of the settings in which a and b differ, in the order of
// config.Reference.
func changed(a, b config.Settings) []string {
	r := config.Reload(a, b)
	var keys []string
	for _, e := range config.Reference() {
		if slices.Contains(r.Live, e.Key) || slices.Contains(r.Restart, e.Key) {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// refused returns the lines of the error that Load must return.
func refused(t *testing.T, src config.Source) []string {
	t.Helper()
	_, _, err := config.Load(src)
	var problems *config.ProblemsError
	if !errors.As(err, &problems) {
		t.Fatalf("Load: error %v, want a *ProblemsError", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(problems.Problems) {
		t.Fatalf("%d problems in %d lines:\n%v", len(problems.Problems), len(lines), err)
	}
	return lines
}

// warnings loads a configuration that is usable and returns its warnings.
func warnings(t *testing.T, src config.Source) []string {
	t.Helper()
	_, all, err := config.Load(src)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	lines := []string{}
	for _, w := range all {
		if strings.Contains(w.String(), "\n") {
			t.Errorf("warning has several lines: %q", w)
		}
		lines = append(lines, w.String())
	}
	return lines
}

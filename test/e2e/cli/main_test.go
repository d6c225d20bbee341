package cli_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	clientKey = "client_of_the_shop"
	serverKey = "ser.key_of_the_shop_4711"
)

// document is a small usable document of an environment.
func document(key string) []byte {
	return fmt.Appendf(nil, `{"api_key":%q,"name":"Shop","updated_at":"2026-01-02T03:04:05+00:00",`+
		`"feature_states":[{"django_id":1,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"fast","multivariate_feature_state_values":[]}],`+
		`"project":{"segments":[]}}`, key)
}

// shop is the environment that most tests serve.
func shop() fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document(clientKey)}
}

// with returns a configuration with one more key.
func with(config map[string]any, key string, value any) map[string]any {
	config = maps.Clone(config)
	config[key] = value
	return config
}

// expect checks how a command ended, and that both streams have what they should.
func expect(t *testing.T, got harness.Result, code int, stdout, stderr []string) {
	t.Helper()
	if got.Code != code {
		t.Errorf("exit code %d, want %d", got.Code, code)
	}
	for _, want := range stdout {
		if !strings.Contains(got.Stdout, want) {
			t.Errorf("no %q on standard output", want)
		}
	}
	for _, want := range stderr {
		if !strings.Contains(got.Stderr, want) {
			t.Errorf("no %q on standard error", want)
		}
	}
	if stdout == nil && got.Stdout != "" {
		t.Error("want nothing on standard output")
	}
	if stderr == nil && got.Stderr != "" {
		t.Error("want nothing on standard error")
	}
	if t.Failed() {
		t.Logf("standard output:\n%sstandard error:\n%s", got.Stdout, got.Stderr)
	}
}

// flags asks a proxy for the flags of an environment.
func flags(t *testing.T, url, key string) string {
	t.Helper()
	address := strings.TrimPrefix(url, "http://")
	response, err := harness.Raw(address, harness.RawRequest{Method: "GET", Target: "/api/v1/flags/", Headers: [][2]string{{"X-Environment-Key", key}}})
	if err != nil {
		t.Fatal(err)
	}
	if response.Status != http.StatusOK {
		t.Fatalf("flags: %d %s", response.Status, response.Body)
	}
	return string(response.Body)
}

const shopFlags = `[{"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"fast","reason":"STATIC"}]`

// link makes a link to the binary under another name.
func link(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(harness.Binary(t), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

//go:build deploy

package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	// toolTime bounds a command that ends by itself.
	toolTime = 2 * time.Minute
	// patience bounds the wait for something to happen.
	patience = time.Minute
)

// tool runs a command and returns what it printed.
func tool(t *testing.T, name string, args ...string) (output string, code int) {
	t.Helper()
	// Not the test's context, since cleanup uses this too.
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(out), 0
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	default:
		t.Fatalf("%s: %v (test/e2e/deploy/tools installs it on Debian)", name, err)
		return "", -1
	}
}

// replace replaces texts that must exist.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is missing in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// environment is the document of an environment with one feature.
func environment(key, updatedAt, value string) []byte {
	return fmt.Appendf(nil, `{"api_key":%q,"name":"n","updated_at":%q,"project":{"segments":[]},"feature_states":[{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":%q,"django_id":1}]}`,
		key, updatedAt, value)
}

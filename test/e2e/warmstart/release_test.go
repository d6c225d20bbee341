//go:build release

package warmstart_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The proxy as it is released starts in the same time.
func TestReleaseServesFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge-proxy")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/edge-proxy/edge-proxy/cmd/edge-proxy")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	servesFromTheStart(t, path)
}

//go:build integration

package integration_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	repository = "../../.."
	buildTime  = 8 * time.Minute
)

// image returns the image to test: that of EDGE_PROXY_IMAGE, or one that is built
// now as the Makefile builds it, and removed with the test.
func image(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("EDGE_PROXY_IMAGE"); name != "" {
		return name
	}
	name := fmt.Sprintf("edge-proxy:matrix-%d", os.Getpid())
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	build := exec.CommandContext(ctx, "make", "image", "IMAGE="+name)
	build.Dir = checkout(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make image (is Docker there?): %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("docker", "rmi", "-f", name).CombinedOutput(); err != nil {
			t.Errorf("docker rmi: %v\n%s", err, out)
		}
	})
	return name
}

// checkout is a copy of the repository: the image is made in a folder of the
// repository, where another test may be making one at the same time.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		from, to := filepath.Join(repository, entry.Name()), filepath.Join(dir, entry.Name())
		switch {
		case entry.Name() == "bin" || entry.Name() == ".git":
		case entry.IsDir():
			err = os.CopyFS(to, os.DirFS(from))
		case entry.Type().IsRegular():
			var content []byte
			if content, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, content, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

//go:build integration

package release_test

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// There is an image for each architecture, wherever it is built: it holds nothing
// that would have to be run to build it.
func TestImages(t *testing.T) {
	for _, architecture := range []string{"amd64", "arm64"} {
		t.Run(architecture, func(t *testing.T) {
			tag := "edge-proxy:release-test-" + architecture
			build := exec.Command("make", "image", "ARCH="+architecture, "IMAGE="+tag)
			build.Dir = "../../.."
			if text, err := build.CombinedOutput(); err != nil {
				t.Fatalf("make image: %v\n%s", err, text)
			}
			t.Cleanup(func() { _ = exec.Command("docker", "rmi", "--force", tag).Run() })
			got, err := exec.Command("docker", "image", "inspect", "--format", "{{.Os}}/{{.Architecture}} {{.Config.User}}", tag).Output()
			if want := "linux/" + architecture + " 10001:10001"; err != nil || strings.TrimSpace(string(got)) != want {
				t.Errorf("the image is %s, %v; want %s", got, err, want)
			}
			if architecture != runtime.GOARCH {
				return // it starts on such a machine only
			}
			got, err = exec.Command("docker", "run", "--rm", "--network", "none", tag, "edge-proxy", "version").CombinedOutput()
			if err != nil || !strings.Contains(string(got), "linux/"+architecture) {
				t.Errorf("it says %s, %v", got, err)
			}
		})
	}
}

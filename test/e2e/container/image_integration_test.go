//go:build integration

package container_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	repository = "../../.."
	buildTime  = 8 * time.Minute
	startTime  = time.Minute
	maxSize    = 33_000_000 // bytes; half of them are the libraries of traces
)

// docker runs the command line of Docker and returns what it printed.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, code := tryDocker(t, args...)
	if code != 0 {
		t.Fatalf("docker %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func tryDocker(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	// Not the test's context: cleanup uses this too.
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	command := exec.CommandContext(ctx, "docker", args...)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), command.ProcessState.ExitCode()
}

// image builds the image and removes it with the test.
func image(t *testing.T) string {
	t.Helper()
	tag := fmt.Sprintf("edge-proxy:test-%d", os.Getpid())
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	build := exec.CommandContext(ctx, "make", "image", "IMAGE="+tag)
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, out)
	}
	t.Cleanup(func() { tryDocker(t, "rmi", "-f", tag) })
	return tag
}

// create creates a container that is removed with the test, which shows its log
// if it failed.
func create(t *testing.T, args ...string) string {
	t.Helper()
	id := docker(t, append([]string{"create"}, args...)...)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := tryDocker(t, "logs", id)
			t.Logf("the container printed:\n%s", out)
		}
		tryDocker(t, "rm", "-f", id)
	})
	return id
}

// sample is the sample's configuration and documents, readable by everybody
// whatever the umask of the checkout was, as arguments of docker create.
func sample(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sample")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "docs/sample"))); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.Chmod(path, 0o755)
		default:
			return os.Chmod(path, 0o644)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"-v", filepath.Join(dir, "config.json") + ":/app/config.json:ro",
		"-v", filepath.Join(dir, "environments") + ":/app/environments:ro",
		"-e", "API_URL=file:///app/environments",
	}
}

func TestImage(t *testing.T) {
	tag := image(t)
	t.Run("what it is", func(t *testing.T) { inspect(t, tag) })
	t.Run("serves", func(t *testing.T) { serves(t, tag) })
	t.Run("commands", func(t *testing.T) { commands(t, tag) })
	t.Run("writes into /app", func(t *testing.T) { writes(t, tag) })
	t.Run("keeps to its memory", func(t *testing.T) { memoryLimit(t, tag) })
	t.Run("knows time zones", func(t *testing.T) { timeZone(t, tag) })
	t.Run("is unhealthy without documents", func(t *testing.T) { unhealthy(t, tag) })
}

func inspect(t *testing.T, tag string) {
	var about []struct {
		Size   int64
		Config struct {
			User, WorkingDir string
			Healthcheck      struct{ Test []string }
		}
		RootFS struct{ Layers []string }
	}
	if err := json.Unmarshal([]byte(docker(t, "image", "inspect", tag)), &about); err != nil || len(about) != 1 {
		t.Fatalf("inspect: %v, %d images", err, len(about))
	}
	is := about[0]
	if is.Size > maxSize {
		t.Errorf("%d bytes, at most %d", is.Size, maxSize)
	}
	if is.Config.User != "10001:10001" {
		t.Errorf("runs as %q", is.Config.User)
	}
	if is.Config.WorkingDir != "/app" {
		t.Errorf("works in %q", is.Config.WorkingDir)
	}
	if got := strings.Join(is.Config.Healthcheck.Test, " "); got != "CMD /edge-proxy health" {
		t.Errorf("health check %q", got)
	}
	t.Logf("%.1f MB", float64(is.Size)/1e6)
}

// serves runs the sample as carefully as a container can be run.
func serves(t *testing.T, tag string) {
	arguments := append(sample(t), "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"-p", "127.0.0.1::8000", "--health-interval", "1s", tag)
	id := create(t, arguments...)
	docker(t, "start", id)
	awaitHealth(t, id, "healthy")

	_, port, _ := strings.Cut(docker(t, "port", id, "8000/tcp"), ":")
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/api/v1/flags/?feature=banner_text", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", "sample_client_key")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	const want = `{"feature":{"id":5,"name":"banner_text","type":"STANDARD"},"enabled":true,"feature_state_value":"Winter sale","reason":"DEFAULT"}`
	if err != nil || response.StatusCode != http.StatusOK || string(body) != want {
		t.Errorf("flags: %d %s, %v", response.StatusCode, body, err)
	}

	docker(t, "stop", "-t", "20", id)
	if code := docker(t, "inspect", "-f", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("exit code %s after docker stop", code)
	}
	if out := docker(t, "logs", id); !strings.Contains(out, "stopped") || strings.Contains(out, "ser.sample_server_key") {
		t.Errorf("the log:\n%s", out)
	}
}

func awaitHealth(t *testing.T, id, want string) {
	t.Helper()
	await(t, want+" running", func() (string, bool) {
		status := docker(t, "inspect", "-f", "{{.State.Health.Status}} {{.State.Status}}", id)
		return status, status == want+" running"
	})
}

// awaitLog waits until a container has logged a text.
func awaitLog(t *testing.T, id, want string) {
	t.Helper()
	await(t, want, func() (string, bool) {
		out := docker(t, "logs", id)
		return out, strings.Contains(out, want)
	})
}

// await waits until look returns true. It shows what look returned last if that takes
// too long.
func await(t *testing.T, want string, look func() (string, bool)) {
	t.Helper()
	limit := time.NewTimer(startTime)
	defer limit.Stop()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		seen, done := look()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("after %s, want %s:\n%s", startTime, want, seen)
		}
	}
}

// commands are those of the image, and the original's.
func commands(t *testing.T, tag string) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"edge-proxy", "version"}, 0, "linux/"},
		{[]string{"/edge-proxy", "help"}, 0, "Usage: edge-proxy"},
		{[]string{"edge-proxy-render-config"}, 0, `"environment_key_pairs"`},
		{[]string{"edge-proxy", "validate"}, 2, "environment_key_pairs"},
		{[]string{"edge-proxy-serve"}, 2, "environment_key_pairs"},
		{nil, 2, "environment_key_pairs"},
	} {
		out, code := tryDocker(t, append([]string{"run", "--rm", "--network", "none", tag}, tt.args...)...)
		if code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%v: exit code %d, want %d with %q\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

func writes(t *testing.T, tag string) {
	id := create(t, "--network", "none", tag, "edge-proxy", "render-config")
	docker(t, "start", "-a", id)
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	archive, err := exec.CommandContext(ctx, "docker", "cp", id+":/app/config.json", "-").Output()
	if err != nil {
		t.Fatalf("there is no /app/config.json: %v", err)
	}
	header, err := tar.NewReader(bytes.NewReader(archive)).Next()
	if err != nil || header.Uid != 10001 || header.FileInfo().Mode().Perm() != 0o600 {
		t.Errorf("%+v, %v", header, err)
	}
}

// memoryLimit gives a container 256 MiB, of which the Go runtime uses nine tenths.
func memoryLimit(t *testing.T, tag string) {
	id := create(t, append(sample(t), "--network", "none", "--memory", "256m", "-e", "LOGGING_LOG_FORMAT=json", tag)...)
	docker(t, "start", id)
	awaitLog(t, id, `"limit_bytes":241591910,"source":"cgroup"`)
}

// timeZone: the image has no database of time zones, the binary has.
func timeZone(t *testing.T, tag string) {
	const override = `{"formatters":{"local":{"format":"%(asctime)s %(message)s","datefmt":"%z"}},` +
		`"handlers":{"out":{"class":"logging.StreamHandler","formatter":"local"}},"loggers":{"":{"handlers":["out"],"level":"INFO"}}}`
	id := create(t, append(sample(t), "--network", "none", "-e", "TZ=Asia/Kolkata", "-e", `LOGGING={"override":`+override+`}`, tag)...)
	docker(t, "start", id)
	awaitLog(t, id, "+0530 listening")
}

func unhealthy(t *testing.T, tag string) {
	id := create(t, "--network", "none", "--health-interval", "1s", "--health-retries", "1", "--health-start-period", "1ms",
		"-e", `ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.of_nobody_at_all","client_side_key":"nobody"}]`, tag)
	docker(t, "start", id)
	awaitHealth(t, id, "unhealthy")
}

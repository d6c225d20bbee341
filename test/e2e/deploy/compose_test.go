//go:build deploy

package deploy_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// compose is a Compose project in a directory of its own.
type compose struct {
	command []string // of Compose, with the project and its files
}

// offline is an override that lets the proxy serve the sample's documents.
const offline = `services:
  edge-proxy:
    environment: {API_URL: "file:///app/environments"}
    healthcheck: {interval: 1s}
    volumes:
      - {type: bind, source: ./docs/sample/environments, target: /app/environments, read_only: true}
`

// composeDirectory returns a new directory for a Compose project. Containers, which have
// users of their own, can enter it.
func composeDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startCompose copies a file of the repository, or a file and its overrides, to a
// directory, writes further files next to it, and starts it with an override that serves
// the sample's documents offline.
func startCompose(t *testing.T, dir string, projects []string, files map[string]string, variables map[string]string, up ...string) compose {
	t.Helper()
	sample := readFile(t, repository+"/docs/sample/environments/sample_client_key.json")
	put := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("docs/sample/environments/sample_client_key.json", sample)
	put("docs/sample/config.json", readFile(t, repository+"/docs/sample/config.json"))
	for name, text := range files {
		put(name, text)
	}
	put("offline.yaml", offline)

	c := compose{}
	c.command = []string{"docker", "compose"}
	if exec.Command("docker", "compose", "version").Run() != nil {
		c.command = []string{"docker-compose"}
	}
	c.command = append(c.command, "-p", fmt.Sprintf("edge-proxy-%d", os.Getpid()))
	for i, file := range projects {
		name := fmt.Sprintf("project%d.yaml", i)
		put(name, readFile(t, filepath.Join(repository, file)))
		c.command = append(c.command, "-f", filepath.Join(dir, name))
	}
	c.command = append(c.command, "-f", filepath.Join(dir, "offline.yaml"))
	for name, value := range variables {
		t.Setenv(name, value)
	}
	c.do(t, "config", "-q")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := c.run(t, "logs", "--no-color")
			t.Log(out)
		}
		if out, code := c.run(t, "down", "-v", "-t", "10"); code != 0 {
			t.Errorf("down: %s", out)
		}
	})
	c.do(t, append([]string{"up", "-d"}, up...)...)
	return c
}

func (c compose) run(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	return tool(t, c.command[0], append(slices.Clone(c.command[1:]), args...)...)
}

// do runs a command that must succeed.
func (c compose) do(t *testing.T, args ...string) string {
	t.Helper()
	out, code := c.run(t, args...)
	if code != 0 {
		t.Fatalf("compose %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// containers returns the ids of a service's containers.
func (c compose) containers(t *testing.T, service string) []string {
	t.Helper()
	return strings.Fields(c.do(t, "ps", "-q", service))
}

func awaitHealthy(t *testing.T, container string) {
	t.Helper()
	wait.Until(t, patience, "the container is healthy", func() bool {
		out, _ := tool(t, "docker", "inspect", "-f", "{{.State.Health.Status}}", container)
		return strings.TrimSpace(out) == "healthy"
	})
}

func flagsAt(t *testing.T, port int) {
	t.Helper()
	response, err := harness.Raw(fmt.Sprintf("127.0.0.1:%d", port), harness.RawRequest{
		Method: "GET", Target: "/api/v1/flags/?feature=banner_text", Headers: [][2]string{{"X-Environment-Key", "sample_client_key"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if response.Status != http.StatusOK || !strings.Contains(string(response.Body), "Winter sale") {
		t.Errorf("port %d: %d %s", port, response.Status, response.Body)
	}
}

// ports returns the first of two free ports that follow each other.
func ports(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := harness.FreePort(t)
		if listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port+1)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("two adjacent free ports were not found")
	return 0
}

const composeOne = "docs/deploy/compose/compose.yaml"

const sampleKeys = `[{"server_side_key":"ser.sample_server_key","client_side_key":"sample_client_key"}]`

// TestImage runs the image as the files of docs/deploy specify.
func TestImage(t *testing.T) {
	image := fmt.Sprintf("edge-proxy:deploy-%d", os.Getpid())
	t.Setenv("EDGE_PROXY_IMAGE", image)
	if out, code := tool(t, "make", "-C", repository, "image", "IMAGE="+image); code != 0 {
		t.Fatalf("make image: exit code %d\n%s", code, out)
	}
	t.Cleanup(func() { tool(t, "docker", "rmi", "-f", image) })
	t.Run("Compose, the sample", composeOfTheSample)
	t.Run("Compose with secrets", composeWithSecrets)
	t.Run("Compose with Redis", composeWithRedis)
	t.Run("Compose with TLS", composeWithTLS)
	t.Run("Compose with client certificates", composeWithClientCertificates)
	t.Run("pods", func(t *testing.T) { podsRun(t, image) })
}

func composeOfTheSample(t *testing.T) {
	port := harness.FreePort(t)
	c := startCompose(t, composeDirectory(t), []string{"compose.yaml"}, nil, map[string]string{"PORT": fmt.Sprint(port)})
	for _, id := range c.containers(t, "edge-proxy") {
		awaitHealthy(t, id)
	}
	flagsAt(t, port)
}

func composeWithSecrets(t *testing.T) {
	port := harness.FreePort(t)
	c := startCompose(t, composeDirectory(t), []string{composeOne},
		map[string]string{"config.json": "{}", "keys.json": sampleKeys}, map[string]string{"PORT": fmt.Sprint(port)})
	ids := c.containers(t, "edge-proxy")
	if len(ids) != 1 {
		t.Fatalf("%d containers", len(ids))
	}
	awaitHealthy(t, ids[0])
	flagsAt(t, port)

	inspected, _ := tool(t, "docker", "inspect", ids[0])
	if strings.Contains(inspected, "ser.sample") {
		t.Error("the key can be seen from outside")
	}
	c.do(t, "stop")
	if code, _ := tool(t, "docker", "inspect", "-f", "{{.State.ExitCode}}", ids[0]); strings.TrimSpace(code) != "0" {
		t.Errorf("exit code %s", code)
	}
}

func composeWithRedis(t *testing.T) {
	port := ports(t)
	c := startCompose(t, composeDirectory(t), []string{"docs/deploy/compose/redis.yaml"},
		map[string]string{"config.json": "{}", "keys.json": sampleKeys, "redis_password": "hidden_word_2342\n"},
		map[string]string{"PORTS": fmt.Sprintf("%d-%d", port, port+1)}, "--scale", "edge-proxy=2")
	ids := c.containers(t, "edge-proxy")
	redis := c.containers(t, "redis")
	if len(ids) != 2 || len(redis) != 1 {
		t.Fatalf("%d proxies, %d Redis", len(ids), len(redis))
	}
	for _, id := range append(ids, redis...) {
		awaitHealthy(t, id)
	}
	flagsAt(t, port)
	flagsAt(t, port+1)

	const ask = `REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli exists 'edge-proxy:{sample_client_key}:record'`
	wait.Until(t, patience, "the document is in Redis", func() bool {
		out, _ := tool(t, "docker", "exec", redis[0], "sh", "-c", ask)
		return strings.TrimSpace(out) == "1"
	})
	if out, _ := tool(t, "docker", "exec", redis[0], "redis-cli", "ping"); !strings.Contains(out, "NOAUTH") {
		t.Errorf("Redis without the password: %s", out)
	}
	for _, id := range append(ids, redis...) {
		inspected, _ := tool(t, "docker", "inspect", id)
		processes, _ := tool(t, "docker", "top", id)
		log, _ := tool(t, "docker", "logs", id)
		if strings.Contains(inspected+processes+log, "hidden_word") {
			t.Error("the password can be seen from outside")
		}
	}
}

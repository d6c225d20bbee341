//go:build page

package page

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// startRedis starts a Redis that ends with the test, and returns its URL.
func startRedis(t *testing.T) string {
	t.Helper()
	port := strconv.Itoa(harness.FreePort(t))
	server := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	wait.Until(t, 20*time.Second, "Redis", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "redis://127.0.0.1:" + port
}

// Three nodes on one Redis, one of which has other settings and is drained.
func TestPageOfAFleet(t *testing.T) {
	upstream, store := harness.StartUpstream(t), startRedis(t)
	const token = "a_token_for_the_tests"
	join := func(changes map[string]any) (harness.Operated, map[string]any) {
		config := upstream.Serve(t, environment(0, "checkout", "banner"), environment(1, "checkout"))
		config["api_poll_frequency_seconds"] = 0.5
		config["store"] = map[string]any{"url": store}
		config["admin"] = map[string]any{"token": token}
		for key, value := range changes {
			config[key] = value
		}
		return harness.StartOperated(t, harness.Setup{Config: config}), config
	}
	first, _ := join(nil)
	join(nil)
	_, config := join(map[string]any{"logging": map[string]any{"log_format": "json", "log_level": "DEBUG"}, "loging": map[string]any{}})
	if got := harness.Run(t, harness.Setup{Config: config, Args: []string{"drain", "--for", "10m", "--reason", "a drill"}}); got.Code != 0 {
		t.Fatalf("drain: %+v", got)
	}
	wait.Until(t, 30*time.Second, "the other nodes", func() bool {
		page := get(t, first.Admin)
		return strings.Contains(page, "3 nodes share the store") && strings.Contains(page, ">not ready</b>") && strings.Contains(page, "differs from this node")
	})
	check(t, first.Admin, "fleet", "Serving 2 of 2 environments. ", "3 nodes share the store", "this node", "not ready", "differs from this node", "another configuration than this one", "redis://127.0.0.1")
}

//go:build deploy

package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// measured starts a proxy and returns the address of its admin listener.
func measured(t *testing.T) string {
	t.Helper()
	config := harness.StartUpstream(t).Serve(t, fakeflagsmith.Environment{
		ClientKey: "client_of_the_shop", ServerKeys: []string{"ser.key_of_the_shop_4711"},
		Document: []byte(`{"api_key":"client_of_the_shop","name":"Shop","updated_at":"2026-01-02T03:04:05+00:00","feature_states":[],"project":{"name":"All","segments":[]}}`),
	})
	port := harness.FreePort(t)
	config["admin"] = map[string]any{"port": port}
	config["endpoint_caches"] = map[string]any{"identities": map[string]any{"use_cache": true}}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	return "127.0.0.1:" + strconv.Itoa(port)
}

// fetch returns what a URL answers with 200.
func fetch(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, err
}

// Prometheus' own linter has nothing to say.
func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	t.Parallel()
	body, err := fetch("http://" + measured(t) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = bytes.NewReader(body)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Prometheus scrapes the proxy, in OpenMetrics, which it prefers, and in its native form.
func TestPrometheusScrapes(t *testing.T) {
	t.Parallel()
	admin := measured(t)
	for _, features := range []string{"", "native-histograms"} {
		dir := t.TempDir()
		config := filepath.Join(dir, "prometheus.yml")
		text := fmt.Sprintf("scrape_configs:\n  - job_name: edge-proxy\n    scrape_interval: 1s\n    static_configs:\n      - targets: [%q]\n", admin)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		address := "127.0.0.1:" + strconv.Itoa(harness.FreePort(t))
		var log bytes.Buffer
		server := exec.CommandContext(t.Context(), "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
			"--web.listen-address="+address, "--enable-feature="+features, "--log.level=debug")
		server.Stderr = &log
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		var last string
		wait.ForSuccess(t, time.Minute, "a scrape", func() error {
			body, err := fetch("http://" + address + "/api/v1/query?query=up%7Bjob%3D%22edge-proxy%22%7D%20and%20on%28instance%29%20edge_proxy_ready%20%3D%3D%201")
			if err != nil {
				return err
			}
			last = string(body)
			var found struct {
				Data struct {
					Result []struct{ Value [2]any }
				}
			}
			if err := json.Unmarshal(body, &found); err != nil {
				return err
			}
			if len(found.Data.Result) != 1 || found.Data.Result[0].Value[1] != "1" {
				return fmt.Errorf("not up: %s", last)
			}
			return nil
		})
		_ = server.Process.Kill()
		_ = server.Wait()
		if out := log.String(); bytes.Contains([]byte(out), []byte("Append failed")) || bytes.Contains([]byte(out), []byte("level=warn")) {
			t.Errorf("Prometheus reports\n%s", out)
		}
	}
}

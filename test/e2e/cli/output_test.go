//go:build unix

package cli_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A proxy whose log nobody reads, or whose reader takes nothing, goes on: it answers,
// polls and shuts down as ever.
func TestTheLogHasNoReader(t *testing.T) {
	for name, leave := range map[string]func(r *os.File){
		"gone":    func(r *os.File) { _ = r.Close() },
		"stalled": func(*os.File) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := harness.StartUpstream(t)
			config := upstream.Serve(t, shop())
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			url, command, ended := startLoggingTo(t, w, with(config, "api_poll_frequency_seconds", 0.05))
			_ = w.Close()
			leave(r)

			client := &http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Second}
			t.Cleanup(client.CloseIdleConnections)
			path := "/api/v1/flags/?x=" + strings.Repeat("x", 4000)
			for i := range 100 { // more than a pipe holds
				request, err := http.NewRequest(http.MethodGet, url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("X-Environment-Key", clientKey)
				response, err := client.Do(request)
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Fatalf("answer %d: %d", i, response.StatusCode)
				}
			}
			before := polls(t, upstream)
			wait.Until(t, harness.StartTimeout, "further polls", func() bool { return polls(t, upstream) > before+3 })
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the shutdown waits for the reader of the log")
			}
		})
	}
}

// What is lost while a reader is away is said once it is back.
func TestLostLinesAreCounted(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	fifo := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(fifo, os.O_RDWR, 0) // a FIFO opens at once for both
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	url, _, _ := startLoggingTo(t, out, with(config, "logging", map[string]any{"enable_access_log": true, "log_format": "json"}))
	_ = out.Close()
	_ = w.Close() // now nobody reads, and lines are lost
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	ask := func() {
		response, err := client.Get(url + "/proxy/health/liveness")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	ask()
	<-time.After(time.Second) // for the line to be written, and lost
	r, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ask()
	lines := bufio.NewReader(r)
	var event struct {
		Message string
		Lines   int
	}
	for event.Message != "log_lines_lost" {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err == nil {
			if err := json.Unmarshal(line, &event); err != nil {
				t.Fatal(err)
			}
		}
	}
	if event.Lines < 1 {
		t.Errorf("%d lines are lost, want one at least", event.Lines)
	}
}

// startLoggingTo starts a proxy with a standard output of the test's, waits until it
// is ready, and returns its URL.
func startLoggingTo(t *testing.T, out *os.File, config map[string]any) (url string, command *exec.Cmd, ended <-chan error) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), strconv.Itoa(harness.FreePort(t))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	command = exec.Command(harness.Binary(t))
	command.Dir, command.Stdout, command.Stderr = dir, out, out
	command.Env = []string{"SERVER_HOST=127.0.0.1", "SERVER_PORT=" + port, "SERVER_DRAIN_DELAY_SECONDS=0", "LOGGING_ENABLE_ACCESS_LOG=true"}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- command.Wait() }()
	t.Cleanup(func() { _ = command.Process.Kill() })
	url = "http://127.0.0.1:" + port
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	wait.Until(t, harness.StartTimeout, "readiness", func() bool {
		response, err := client.Get(url + "/proxy/health/readiness")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return url, command, end
}

// polls counts the requests that upstream has had.
func polls(t *testing.T, upstream *harness.Upstream) int {
	t.Helper()
	requests, err := upstream.Requests(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return len(requests)
}

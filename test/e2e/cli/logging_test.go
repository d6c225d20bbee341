package cli_test

import (
	"encoding/json"
	"net"
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

// The two examples of logging.override in Flagsmith's documentation, as printed.
const (
	everythingToAFile = `"logging": {
"override": {
"handlers": {
"file": {
"level": "INFO",
"class": "logging.FileHandler",
"filename": "edge-proxy.log",
"formatter": "json"
}
},
"loggers": {
"": {
"handlers": ["file"],
"level": "INFO",
"propagate": true
}
}
}
}`
	accessToAFile = `"logging": {
"override": {
"handlers": {
"file": {
"level": "INFO",
"class": "logging.FileHandler",
"filename": "edge-proxy.log",
"formatter": "generic"
}
},
"loggers": {
"": {
"handlers": ["default"],
"level": "INFO"
},
"uvicorn.access": {
"handlers": ["file"],
"level": "INFO",
"propagate": false
}
}
}
}`
)

// A proxy whose log goes to a file says on standard output neither where it
// listens nor anything else, so this test starts it without the harness.
func TestEverythingLoggedToAFile(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	upstream.Serve(t, shop())
	dir, port := t.TempDir(), strconv.Itoa(harness.FreePort(t))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(everythingToAFile), 0o600); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	command := exec.Command(harness.Binary(t))
	command.Dir = dir
	command.Stdout, command.Stderr = &output, &output
	command.Env = []string{
		"SERVER_HOST=127.0.0.1", "SERVER_PORT=" + port, "SERVER_DRAIN_DELAY_SECONDS=0", "API_URL=" + upstream.APIURL(),
		`ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"` + serverKey + `","client_side_key":"` + clientKey + `"}]`,
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { _ = command.Process.Kill() })

	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	wait.Until(t, harness.StartTimeout, "readiness", func() bool {
		response, err := client.Get("http://127.0.0.1:" + port + "/proxy/health/readiness")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("did not end after SIGTERM")
	}
	if output.Len() > 0 {
		t.Errorf("printed %s", output.String())
	}
	written := read(t, filepath.Join(dir, "edge-proxy.log"))
	for _, want := range []string{"listening", "stopped"} {
		if !strings.Contains(written, `"message":"`+want+`"`) {
			t.Errorf("no %q in the file:\n%s", want, written)
		}
	}
	for line := range strings.Lines(written) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	if strings.Contains(written, serverKey) {
		t.Error("the file has the server-side key")
	}
}

func TestAccessLogToAFileAndTheRestToStandardOutput(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	dir := t.TempDir()
	proxy := harness.StartProxy(t, harness.Setup{
		ConfigText: accessToAFile, Dir: dir,
		Env: map[string]string{
			"API_URL":               config["api_url"].(string),
			"ENVIRONMENT_KEY_PAIRS": `[{"server_side_key":"` + serverKey + `","client_side_key":"` + clientKey + `"}]`,
		},
	})
	proxy.WaitReady(t)
	if got := flags(t, proxy.URL, clientKey); got != shopFlags {
		t.Errorf("got %s", got)
	}
	path := filepath.Join(dir, "edge-proxy.log")
	wait.Until(t, harness.StartTimeout, "the access line", func() bool { return strings.Contains(read(t, path), "/api/v1/flags/") })
	written := read(t, path)
	if !strings.Contains(written, `"GET /api/v1/flags/ HTTP/1.1" 200`) || strings.Contains(written, "listening") {
		t.Errorf("the file has\n%s", written)
	}
	for line := range strings.Lines(written) {
		if strings.HasPrefix(line, "{") {
			t.Errorf("not in generic format: %s", line)
		}
	}
	if out := proxy.Stdout(); strings.Contains(out, "/api/v1/flags/") || !strings.Contains(out, `"message":"listening"`) {
		t.Errorf("standard output has\n%s", out)
	}
}

func TestCustomFormatter(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	dir := t.TempDir()
	proxy := harness.StartProxy(t, harness.Setup{Dir: dir, Config: with(config, "logging", map[string]any{"log_format": "json", "override": map[string]any{
		"formatters": map[string]any{"short": map[string]any{"format": "{levelname}|{name}|{message}", "style": "{"}},
		"handlers":   map[string]any{"file": map[string]any{"class": "logging.FileHandler", "filename": "own.log", "formatter": "short"}},
		"loggers":    map[string]any{"": map[string]any{"handlers": []string{"default", "file"}}},
	}})})
	path := filepath.Join(dir, "own.log")
	wait.Until(t, harness.StartTimeout, "the line", func() bool { return strings.Contains(read(t, path), "INFO|edge_proxy.environments|listening") })
	proxy.WaitReady(t)
}

// The address of the client is believed from trusted peers only.
func TestAccessLogBehindAProxy(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	for _, tt := range []struct {
		name      string
		headers   bool
		allowed   string // "" is the default, the loopback address
		forwarded string
		want      string // "" is the peer itself
	}{
		{"trusted by default", true, "", "203.0.113.7", "203.0.113.7"},
		{"trusted by range", true, "10.0.0.0/8,127.0.0.0/8", "203.0.113.7", "203.0.113.7"},
		{"everybody trusted", true, "*", "203.0.113.7, 198.51.100.1", "203.0.113.7"},
		{"through a trusted chain", true, "127.0.0.1,10.0.0.0/8", "192.0.2.66, 203.0.113.7, 10.1.2.3", "203.0.113.7"},
		{"peer not trusted", true, "10.0.0.0/8", "203.0.113.7", ""},
		{"headers off", false, "*", "203.0.113.7", ""},
		{"no header", true, "*", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			setup := harness.Setup{
				Config: with(with(config, "server", map[string]any{"proxy_headers": tt.headers}), "logging", map[string]any{"enable_access_log": true}),
			}
			if tt.allowed != "" {
				setup.Env = map[string]string{"FORWARDED_ALLOW_IPS": tt.allowed}
			}
			proxy := harness.StartProxy(t, setup)
			request := harness.RawRequest{Method: "GET", Target: "/api/v1/flags/?feature=checkout&x=ser.a_key_in_the_query", Headers: [][2]string{{"X-Environment-Key", "nobody"}}}
			if tt.forwarded != "" {
				request.Headers = append(request.Headers, [2]string{"X-Forwarded-For", tt.forwarded})
			}
			if _, err := harness.Raw(proxy.Address, request); err != nil {
				t.Fatal(err)
			}
			event := proxy.WaitEvent(t, 10*time.Second, "GET", func(e harness.Event) bool { return e.Text("logger") == "uvicorn.access" })
			remote := event.Text("remote_addr")
			if tt.want != "" && remote != tt.want {
				t.Errorf("remote address %q, want %q", remote, tt.want)
			}
			if host, port, err := net.SplitHostPort(remote); tt.want == "" && (err != nil || host != "127.0.0.1" || port == "") {
				t.Errorf("remote address %q, want the peer's", remote)
			}
			if event["status"] != 401.0 || event["duration_ms"] == nil || !strings.HasPrefix(event.Text("path"), "/api/v1/flags/?feature=checkout") {
				t.Errorf("got %v", event)
			}
			if strings.Contains(proxy.Output(), "a_key_in_the_query") {
				t.Error("the log has a server-side key")
			}
		})
	}
}

// TestAccessLinesNameTheRequest asks by both ways through the server: what is logged, and
// what is repeated, must not depend on them.
func TestAccessLinesNameTheRequest(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	config := harness.StartUpstream(t).Serve(t, shop())
	for _, fast := range []bool{true, false} {
		proxy := harness.StartProxy(t, harness.Setup{
			Config: with(with(config, "server", map[string]any{"fast_path": fast}), "logging", map[string]any{"enable_access_log": true}),
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+proxy.Address+"/api/v1/flags/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"X-Environment-Key": clientKey, "X-Request-ID": "order 4711", "traceparent": "00-" + trace + "-00f067aa0ba902b7-01", "User-Agent": "shop/1.0",
		} {
			request.Header.Set(name, value)
		}
		client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		client.CloseIdleConnections()
		if got := response.Header.Get("X-Request-ID"); got != "order 4711" {
			t.Errorf("fast path %v: the answer has X-Request-ID %q", fast, got)
		}
		event := proxy.WaitEvent(t, 10*time.Second, "GET", func(e harness.Event) bool { return e.Text("request_id") != "" })
		for name, want := range map[string]string{"environment": clientKey, "request_id": "order 4711", "trace_id": trace, "user_agent": "shop/1.0"} {
			if got := event.Text(name); got != want {
				t.Errorf("fast path %v: %s is %q, want %q", fast, name, got, want)
			}
		}
	}
}

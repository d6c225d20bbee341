package cli_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

func TestServe(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	for name, setup := range map[string]harness.Setup{
		"by default":                       {},
		"by name":                          {Args: []string{"serve"}},
		"through the link":                 {Binary: link(t, "edge-proxy-serve")},
		"configured by variables":          {AsVariables: true},
		"through the link with .exe at it": {Binary: link(t, "edge-proxy-serve.exe")},
	} {
		t.Run(name, func(t *testing.T) {
			setup.Config = config
			proxy := harness.StartProxy(t, setup)
			proxy.WaitReady(t)
			if got := flags(t, proxy.URL, clientKey); got != shopFlags {
				t.Errorf("got %s", got)
			}
			proxy.Signal(t, syscall.SIGTERM)
			if code := proxy.Wait(t, 20*time.Second); code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
			proxy.WaitEvent(t, time.Second, "stopped")
		})
	}
}

// A Unix socket is served beside the port, until the end, and the file that a killed
// process left behind is in nobody's way.
func TestServeOnAUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "socket") // a path of t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "proxy.sock")
	config := harness.StartUpstream(t).Serve(t, shop())
	config["server"] = map[string]any{"unix_socket": path, "drain_delay_seconds": 0}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	for _, end := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		proxy := harness.StartProxy(t, harness.Setup{Config: config})
		proxy.WaitReady(t)
		if event := proxy.WaitEvent(t, time.Second, "listening_on_unix_socket"); event.Text("path") != path {
			t.Errorf("%v", event)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://proxy/api/v1/flags/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Environment-Key", clientKey)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || string(body) != shopFlags || flags(t, proxy.URL, clientKey) != shopFlags {
			t.Errorf("%s %s", response.Status, body)
		}
		proxy.Signal(t, end)
		proxy.Wait(t, 20*time.Second)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestServeEndsAtASecondSignal(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	proxy := harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{"SERVER_DRAIN_DELAY_SECONDS": "600"}})
	proxy.Signal(t, syscall.SIGTERM)
	event := proxy.WaitEvent(t, 10*time.Second, "shutting_down")
	if event.Text("second_signal") != "ends at once" {
		t.Errorf("%v does not say what a second signal does", event)
	}
	<-time.After(1200 * time.Millisecond) // within a second it is the same signal
	proxy.Signal(t, syscall.SIGTERM)
	if code := proxy.Wait(t, 10*time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	proxy.WaitEvent(t, time.Second, "ended_by_second_signal")
}

// Senders that double a signal are common, such as timeout(1).
func TestADoubledSignalIsOne(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	proxy := harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{"SERVER_DRAIN_DELAY_SECONDS": "0.5"}})
	proxy.WaitReady(t)
	for range 3 {
		proxy.Signal(t, syscall.SIGTERM)
	}
	if code := proxy.Wait(t, 20*time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	proxy.WaitEvent(t, time.Second, "stopped")
}

func TestServeWithoutAPort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	config := harness.StartUpstream(t).Serve(t, shop())
	got := harness.Run(t, harness.Setup{Config: config, Env: map[string]string{"SERVER_PORT": port}})
	expect(t, got, 1, []string{"opening the listener", port}, nil)
}

func TestServeRefusesAWrongConfiguration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setup harness.Setup
		want  []string
	}{
		"no keys":            {harness.Setup{}, []string{"environment_key_pairs"}},
		"several problems":   {harness.Setup{Env: map[string]string{"SERVER_PORT": "many", "API_URL": "ftp://x", "ENVIRONMENT_KEY_PAIRS": "[]"}}, []string{"server.port", "api_url", "environment_key_pairs"}},
		"unknown store":      {harness.Setup{Env: map[string]string{"STORE_URL": "floppy:a", "ENVIRONMENT_KEY_PAIRS": `[{"server_side_key":"ser.abcdefghij","client_side_key":"c"}]`}}, []string{"store.url", "floppy", "memory:"}},
		"an unknown handler": {harness.Setup{Env: map[string]string{"LOGGING_OVERRIDE": `{"handlers":{"x":{"class":"logging.handlers.SysLogHandler"}}}`, "ENVIRONMENT_KEY_PAIRS": `[{"server_side_key":"ser.abcdefghij","client_side_key":"c"}]`}}, []string{"SysLogHandler"}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, harness.Run(t, tt.setup), 2, nil, tt.want)
		})
	}
}

// The sample needs no network: its configuration names the directory beside it.
func TestTheSampleIsServedOffline(t *testing.T) {
	t.Parallel()
	path, err := filepath.Abs("../../../docs/sample/config.json")
	if err != nil {
		t.Fatal(err)
	}
	proxy := harness.StartProxy(t, harness.Setup{Env: map[string]string{"CONFIG_PATH": path}})
	proxy.WaitReady(t)
	flags(t, proxy.URL, "sample_client_key")
}

// The built-in sample needs no file either, and its document can be changed while it is
// served.
func TestTheBuiltInSampleIsServed(t *testing.T) {
	t.Parallel()
	proxy := harness.StartProxy(t, harness.Setup{Args: []string{"serve", "--sample"}})
	proxy.WaitReady(t)
	before := flags(t, proxy.URL, "sample_client_key")
	_, rest, _ := strings.Cut(proxy.Output(), "serving the sample environment in ")
	dir, _, found := strings.Cut(rest, "; try")
	path := filepath.Join(dir, "sample_client_key.json")
	if !found || !strings.Contains(rest, "curl -H 'X-Environment-Key: sample_client_key' http://127.0.0.1:") {
		t.Fatalf("it printed %q", proxy.Output())
	}
	changed := regexp.MustCompile(`"feature_state_value": 59`).ReplaceAllString(read(t, path), `"feature_state_value": 79`)
	if err := os.WriteFile(path+".new", []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, 20*time.Second, "the change", func() bool { return flags(t, proxy.URL, "sample_client_key") != before })
	stop(t, proxy)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is left behind: %v", err)
	}
	expect(t, harness.Run(t, harness.Setup{Args: []string{"serve", "--sample", "--config", "x"}}), 2, nil, []string{"--sample goes without --config"})
}

// A crash loop must be seen even where almost nothing is logged.
func TestStartAndEndAreAlwaysLogged(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	quiet := with(config, "logging", map[string]any{"log_level": "CRITICAL"})
	command := harness.Setup{Config: quiet, Env: map[string]string{"STORE_URL": "bolt:///proc/nope/x.db"}}
	expect(t, harness.Run(t, command), 1, []string{`"level":"info"`, `"message":"starting"`, `"level":"critical"`, `"message":"start_failed"`}, nil)

	path := filepath.Join(t.TempDir(), "output")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, process, ended := startLoggingTo(t, out, quiet)
	_ = out.Close()
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	output := read(t, path)
	if n := strings.Count(output, "\n"); n != 2 || !strings.Contains(output, "INFO     starting ") || !strings.Contains(output, "INFO     stopped ") {
		t.Errorf("the output is\n%s\nwant the start and the end", output)
	}
}

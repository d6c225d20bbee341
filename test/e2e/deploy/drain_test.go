//go:build deploy

package deploy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// balancer is nginx in front of proxies, of which any may be out of service.
type balancer struct {
	dir     string
	port    int
	process *exec.Cmd
}

// write writes the configuration. Those of out are out of service.
func (b *balancer) write(t *testing.T, addresses []string, out string) {
	t.Helper()
	main := "daemon off; pid nginx.pid; error_log stderr; worker_processes 2;\nevents {}\nhttp {\n access_log off;\n upstream flags {\n keepalive 16;\n"
	if os.Geteuid() == 0 {
		main = "user root;\n" + main // otherwise the workers cannot read the directory
	}
	for _, address := range addresses {
		state := ""
		if address == out {
			state = " down"
		}
		main += fmt.Sprintf("  server %s%s;\n", address, state)
	}
	main += fmt.Sprintf(" }\n server { listen 127.0.0.1:%d; location / { proxy_pass http://flags; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_next_upstream off; } }\n", b.port)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf(" %s_temp_path %s;\n", kind, kind)
	}
	write(t, filepath.Join(b.dir, "nginx.conf"), main+"}\n")
}

func startBalancer(t *testing.T, addresses []string) *balancer {
	t.Helper()
	b := &balancer{dir: t.TempDir(), port: harness.FreePort(t)}
	b.write(t, addresses, "")
	b.process = exec.Command("nginx", "-p", b.dir, "-c", filepath.Join(b.dir, "nginx.conf"), "-e", "stderr")
	var output strings.Builder
	b.process.Stdout, b.process.Stderr = &output, &output
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.process.Process.Signal(syscall.SIGTERM)
		if err := b.process.Wait(); err != nil || t.Failed() {
			t.Errorf("nginx: %v\n%s", err, &output)
		}
	})
	wait.Until(t, patience, "nginx listens", func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	return b
}

// A node is drained, taken out of the balancer, put in again and undrained, and again,
// while applications ask: no request fails. nginx is not allowed to repeat one.
func TestDrainBehindABalancer(t *testing.T) {
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: environment(clientKey, "2026-01-02T03:04:05Z", "old"),
	})
	var setups [2]harness.Setup
	var proxies [2]*harness.Proxy
	var addresses []string
	for i := range proxies {
		setups[i] = harness.Setup{Config: config, Env: map[string]string{
			"ADMIN_PORT": fmt.Sprint(harness.FreePort(t)), "ADMIN_TOKEN": "a_token_for_the_tests",
			// nginx keeps connections for longer than the test takes: those that end are
			// ended by a drain.
			"SERVER_TIMEOUT_KEEP_ALIVE": "3600",
		}}
		proxies[i] = harness.StartProxy(t, setups[i])
		proxies[i].WaitReady(t)
		addresses = append(addresses, proxies[i].Address)
	}
	b := startBalancer(t, addresses)

	var asked, failed atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/v1/flags/", b.port), nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("X-Environment-Key", clientKey)
				answer, err := client.Do(r)
				asked.Add(1)
				if err != nil {
					failed.Add(1)
					t.Log(err)
					continue
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || answer.StatusCode != http.StatusOK {
					failed.Add(1)
					t.Logf("%d %s %v", answer.StatusCode, body, err)
				}
			}
		})
	}
	served := func(more int64) {
		t.Helper()
		from := asked.Load()
		wait.Until(t, patience, "requests are answered", func() bool { return asked.Load() >= from+more })
	}
	act := func(i int, args ...string) {
		t.Helper()
		setup := setups[i]
		setup.Args = args
		if got := harness.Run(t, setup); got.Code != 0 {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	reload := func(out string) {
		t.Helper()
		b.write(t, addresses, out)
		if err := b.process.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	readiness := func(i, want int) {
		t.Helper()
		answer, err := http.Get(proxies[i].URL + "/proxy/health/readiness")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("readiness %d, want %d", answer.StatusCode, want)
		}
	}
	served(100)
	for round := range 6 {
		i := round % 2
		act(i, "drain", "--for", "10m", "--reason", "a drill")
		readiness(i, http.StatusServiceUnavailable)
		served(200)
		reload(addresses[i])
		served(200)
		act(i, "undrain")
		readiness(i, http.StatusOK)
		reload("")
		served(200)
	}
	close(stop)
	clients.Wait()
	t.Logf("%d requests", asked.Load())
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
}

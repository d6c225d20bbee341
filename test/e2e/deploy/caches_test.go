//go:build deploy

package deploy_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// startCache starts a program that caches answers and waits until it listens on port.
func startCache(t *testing.T, port int, name string, arguments ...string) {
	t.Helper()
	cache := exec.Command(name, arguments...)
	var output strings.Builder
	cache.Stdout, cache.Stderr = &output, &output
	if err := cache.Start(); err != nil {
		t.Fatalf("%v (test/e2e/deploy/tools installs it on Debian)", err)
	}
	t.Cleanup(func() {
		_ = cache.Process.Signal(syscall.SIGTERM)
		if _ = cache.Wait(); t.Failed() {
			t.Logf("%s printed:\n%s", name, &output)
		}
	})
	wait.Until(t, patience, name+" listens", func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

// nginxCache is nginx that caches every answer which does not forbid it.
func nginxCache(t *testing.T, port int, proxy string) {
	dir := t.TempDir()
	main := fmt.Sprintf(`daemon off; pid nginx.pid; error_log stderr; worker_processes 1;
events {}
http {
 access_log off;
 proxy_cache_path cache keys_zone=all:1m;
 server {
  listen 127.0.0.1:%d;
  location / {
   proxy_pass http://%s;
   proxy_cache all;
   proxy_cache_methods GET HEAD POST;
   proxy_cache_key $request_method$request_uri;
   proxy_cache_valid any 10m;
  }
 }
`, port, proxy)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf(" %s_temp_path %s;\n", kind, kind)
	}
	if os.Geteuid() == 0 {
		main = "user root;\n" + main
	}
	write(t, filepath.Join(dir, "nginx.conf"), main+"}\n")
	startCache(t, port, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
}

// varnish is Varnish with the rules that it has built in.
func varnish(t *testing.T, port int, proxy string) {
	dir, err := os.MkdirTemp("", "varnish") // a short path: it has the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	startCache(t, port, "varnishd", "-F", "-n", filepath.Join(dir, "work"), "-a", fmt.Sprintf("127.0.0.1:%d", port), "-b", proxy, "-s", "malloc,16m")
}

// A cache that knows nothing of keys gives no answer of one key to another, and keeps
// neither refusals nor health.
func TestSharedCachesKeepNothing(t *testing.T) {
	const first, second = "client_first", "client_second"
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t,
		fakeflagsmith.Environment{ClientKey: first, ServerKeys: []string{"ser.first_behind_caches"}, Document: environment(first, "2026-01-02T03:04:05Z", "one")},
		fakeflagsmith.Environment{ClientKey: second, ServerKeys: []string{"ser.second_behind_caches"}, Document: []byte(replace(t, string(environment(second, "2026-01-02T03:04:05Z", "two")), `"name":"a"`, `"name":"b"`))})
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	for name, start := range map[string]func(*testing.T, int, string){"nginx": nginxCache, "Varnish": varnish} {
		t.Run(name, func(t *testing.T) {
			port := harness.FreePort(t)
			start(t, port, proxy.Address)
			ask := func(address, method, target, key, body string) (harness.RawResponse, string) {
				headers := [][2]string{{"X-Environment-Key", key}, {"Content-Type", "application/json"}}
				response, err := harness.Raw(address, harness.RawRequest{Method: method, Target: target, Headers: headers, Body: []byte(body)})
				if err != nil {
					t.Fatalf("%s %s: %v", method, target, err)
				}
				return response, fmt.Sprintf("%d %s", response.Status, response.Body)
			}
			for _, target := range []string{
				"/api/v1/flags/", "/api/v1/flags/?feature=a", "/api/v1/flags/?feature=b", "/api/v1/identities/?identifier=u", "/api/v1/identities/", "/api/v1/environment-document/",
				"/nope", "/proxy/health/liveness",
			} {
				for range 2 {
					for _, key := range []string{"nope", first, "ser.first_behind_caches", second, "ser.second_behind_caches"} {
						for _, method := range []string{"GET", "POST"} {
							body := ""
							if method == "POST" {
								body = `{"identifier":"u"}`
							}
							_, want := ask(proxy.Address, method, target, key, body)
							response, got := ask(fmt.Sprintf("127.0.0.1:%d", port), method, target, key, body)
							if got != want {
								t.Errorf("%s %s with %s: %s\nwant %s", method, target, key, got, want)
							}
							if age := response.Header.Get("Age"); age != "" && age != "0" {
								t.Errorf("%s %s with %s: Age %s", method, target, key, age)
							}
						}
					}
				}
			}
		})
	}
}

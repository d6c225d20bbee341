//go:build deploy

package alerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	shop, warehouse = "client_of_the_shop", "client_of_the_warehouse"
	proxyKey        = "proxy-key-0123456789"
)

// environment returns an environment that was changed at a time, with a segment for a
// condition.
func environment(key string, changed time.Time, condition string) fakeflagsmith.Environment {
	state := `{"django_id":1,"enabled":true,"feature":{"id":1,"name":"a","type":"STANDARD"},"feature_state_value":null}`
	return fakeflagsmith.Environment{
		ClientKey: key, ServerKeys: []string{"ser." + key + "_4711"},
		Document: fmt.Appendf(nil, `{"api_key":%q,"name":"Test","updated_at":%q,"feature_states":[%s],"project":{"name":"All","segments":[`+
			`{"id":1,"name":"s","rules":[{"type":"ALL","conditions":[%s],"rules":[]}],"feature_states":[%s]}]}}`,
			key, changed.UTC().Format(time.RFC3339Nano), state, condition, state),
	}
}

// plain is a condition that costs nothing.
const plain = `{"operator":"EQUAL","property_":"t","value":"x"}`

func fail(t *testing.T, u *harness.Upstream, target fakeflagsmith.Target, status int) {
	t.Helper()
	var steps []fakeflagsmith.Failure
	if status != 0 {
		steps = append(steps, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: status})
	}
	if err := u.Fail(t.Context(), target, steps...); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, u *harness.Upstream, e fakeflagsmith.Environment) {
	t.Helper()
	if err := u.PutEnvironment(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// node is a proxy whose configuration is a file, with its admin listener.
type node struct {
	*harness.Proxy
	admin, file string
	config      map[string]any
}

// start starts a node that polls every second and is stale after four.
func start(t *testing.T, config map[string]any) *node {
	t.Helper()
	return startWith(t, config, map[string]any{})
}

// startWith is start with settings of the admin listener.
func startWith(t *testing.T, config, admin map[string]any) *node {
	t.Helper()
	port := harness.FreePort(t)
	admin["port"] = port
	c := map[string]any{
		"api_poll_frequency_seconds": 1, "health_check": map[string]any{"environment_update_grace_period_seconds": 3}, "admin": admin,
		"server": map[string]any{"host": "127.0.0.1", "port": 0, "drain_delay_seconds": 0}, "logging": map[string]any{"log_format": "json"},
	}
	for key, value := range config {
		c[key] = value
	}
	n := &node{admin: "http://127.0.0.1:" + strconv.Itoa(port), file: filepath.Join(t.TempDir(), "config.json"), config: c}
	n.begin(t)
	return n
}

// begin starts the process of the node.
func (n *node) begin(t *testing.T) {
	t.Helper()
	n.write(t, n.config)
	n.Proxy = harness.StartProxy(t, harness.Setup{Config: nil, Env: map[string]string{
		"CONFIG_PATH": n.file, "SERVER_PORT": "0", "ADMIN_PORT": n.admin[strings.LastIndexByte(n.admin, ':')+1:],
	}})
}

// end stops the process of the node.
func (n *node) end(t *testing.T) {
	t.Helper()
	n.Signal(t, syscall.SIGTERM)
	n.Wait(t, patience)
}

// write replaces the file of the configuration.
func (n *node) write(t *testing.T, config any) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload has the node load a configuration that differs in one setting.
func (n *node) reload(t *testing.T, setting string, value any) {
	t.Helper()
	changed := map[string]any{}
	for key, v := range n.config {
		changed[key] = v
	}
	changed[setting] = value
	n.write(t, changed)
	n.Signal(t, syscall.SIGHUP)
}

// traffic sends requests until stop is called, which the end of the test does too.
func traffic(t *testing.T, request func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := request(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("a request failed: %v", err)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

// ask sends a request of an application. Its body is sent as it can be read.
func (n *node) ask(ctx context.Context, key, path string, body io.Reader) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, n.URL+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("X-Environment-Key", key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// server is a Redis on this machine.
type server struct {
	*os.Process
	port int
	url  string
}

func startRedis(t *testing.T, port int) server {
	t.Helper()
	s := server{port: port, url: fmt.Sprintf("redis://127.0.0.1:%d/0", port)}
	s.Process = run(t, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	client := s.client(t)
	wait.ForSuccess(t, patience, "start of Redis", func() error { return client.Ping(t.Context()).Err() })
	return s
}

func (s server) signal(t *testing.T, what os.Signal) {
	t.Helper()
	if err := s.Signal(what); err != nil {
		t.Fatal(err)
	}
}

func (s server) client(t *testing.T) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port)})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

package discovery_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	proxyKey = "a-proxy-key-that-is-secret"
	// patience is how long a test waits. Only a failing test waits that long.
	patience = 30 * time.Second
	// interval is between two polls, in seconds.
	interval = 0.05
)

// world is an API that lists environments, and a client of proxies.
type world struct {
	*origin.Origin
	t      *testing.T
	client *origin.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{origin.Start(t), t, origin.NewClient(t)}
	t.Cleanup(func() {
		if at := strings.Index(harness.Outputs(), "ser.secret-of-"); at >= 0 {
			t.Error("a server-side key is in the output of a process")
		}
	})
	return w
}

// key is a server-side key of a list, which never expires.
func key(text string) fakeflagsmith.DiscoveredServerKey {
	return fakeflagsmith.DiscoveredServerKey{Key: text, Active: true}
}

// environment is one of a list. Without keys it has origin.ServerKey.
func environment(client string, keys ...fakeflagsmith.DiscoveredServerKey) fakeflagsmith.DiscoveredEnvironment {
	if len(keys) == 0 {
		keys = append(keys, key(origin.ServerKey(client)))
	}
	return fakeflagsmith.DiscoveredEnvironment{ClientKey: client, ServerKeys: keys}
}

// lists makes the API list environments from now on, and serve their documents under
// the keys listed.
func (w *world) lists(list ...fakeflagsmith.DiscoveredEnvironment) {
	w.t.Helper()
	for _, e := range list {
		put := fakeflagsmith.Environment{ClientKey: e.ClientKey, Document: origin.Document(e.ClientKey, start(), "value-of-"+e.ClientKey, "")}
		for _, k := range e.ServerKeys {
			if k.Active {
				put.ServerKeys = append(put.ServerKeys, k.Key)
			}
		}
		if err := w.PutEnvironment(put); err != nil {
			w.t.Fatal(err)
		}
	}
	w.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: list})
}

// start is when all documents are of.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// config is the configuration of a node that knows nothing but the proxy key, and
// what more says.
func (w *world) config(more map[string]any) map[string]any {
	config := map[string]any{"api_url": w.URL(0) + "/api/v1", "proxy_key": proxyKey, "api_poll_frequency_seconds": interval}
	maps.Copy(config, more)
	return config
}

func (w *world) proxy(more map[string]any) *harness.Proxy {
	w.t.Helper()
	return harness.StartProxy(w.t, harness.Setup{Config: w.config(more)})
}

// serves reports whether a proxy answers with the flags of an environment under its
// client-side key, and with its document under each of the server-side keys.
func (w *world) serves(p *harness.Proxy, client string, serverKeys ...string) bool {
	w.t.Helper()
	value, err := w.client.Value(p.URL, client)
	if err != nil || value != "value-of-"+client {
		return false
	}
	for _, k := range serverKeys {
		if !w.opens(p, k) {
			return false
		}
	}
	return true
}

// opens reports whether a key opens a document.
func (w *world) opens(p *harness.Proxy, serverKey string) bool {
	w.t.Helper()
	status, _, err := w.client.Get(p.URL, "/api/v1/environment-document/", serverKey)
	return err == nil && status == http.StatusOK
}

// unknown reports whether a proxy answers that it does not know a key.
func (w *world) unknown(p *harness.Proxy, anyKey string) bool {
	w.t.Helper()
	status, body, err := w.client.Flags(p.URL, anyKey)
	return err == nil && status == http.StatusUnauthorized && strings.Contains(string(body), "unknown key")
}

func (w *world) await(what string, holds func() bool) {
	w.t.Helper()
	wait.Until(w.t, patience, what, holds)
}

// steady asks a proxy for an environment, about a thousand times a second, until the
// function that it returns is called. That function fails the test if a response was
// wrong. The keys must be valid all the time.
func (w *world) steady(p *harness.Proxy, client string, serverKey string) (end func()) {
	var (
		done  = make(chan struct{})
		all   sync.WaitGroup
		asked atomic.Int64
		wrong = make(chan string, 100)
	)
	ask := func(what string, f func() error) {
		all.Go(func() {
			next := time.NewTicker(3 * time.Millisecond)
			defer next.Stop()
			for {
				select {
				case <-done:
					return
				case <-next.C:
				}
				asked.Add(1)
				if err := f(); err != nil {
					select {
					case wrong <- what + ": " + err.Error():
					default:
					}
				}
			}
		})
	}
	ask("flags of "+client, func() error {
		value, err := w.client.Value(p.URL, client)
		if err == nil && value != "value-of-"+client {
			err = fmt.Errorf("the value is %s", value)
		}
		return err
	})
	expect200 := func(status int, body []byte, err error) error {
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	}
	ask("an identity of "+client, func() error { return expect200(w.client.Identity(p.URL, client, "user")) })
	ask("the document of "+client, func() error {
		return expect200(w.client.Get(p.URL, "/api/v1/environment-document/", serverKey))
	})
	return func() {
		w.t.Helper()
		w.await("at least ten requests", func() bool { return asked.Load() >= 10 })
		close(done)
		all.Wait()
		close(wrong)
		for what := range wrong {
			w.t.Error(what)
		}
		w.t.Logf("%d requests", asked.Load())
	}
}

// stop ends a proxy in good order.
func (w *world) stop(p *harness.Process) {
	w.t.Helper()
	p.Signal(w.t, syscall.SIGTERM)
	if code := p.Wait(w.t, patience); code != 0 {
		w.t.Fatalf("exit code %d after SIGTERM\n%s", code, p.Output())
	}
}

func named(client string) func(harness.Event) bool {
	return func(e harness.Event) bool { return e.Text("client_side_key") == client }
}

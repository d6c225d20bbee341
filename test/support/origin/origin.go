// Package origin is a fake Flagsmith API in a test's own process, for tests that
// take it away from real proxies and bring it back: it keeps its address, its
// documents and what it counted.
package origin

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// Origin is the API. Each of its hosts leads to it; a fleet whose nodes have one
// host each shows in the Host of a request which node it came from. Its methods
// are safe for concurrent use, Stop and Resume are not to be called at once.
type Origin struct {
	*fakeflagsmith.Server
	hosts  []string
	port   string
	before atomic.Pointer[func(*http.Request)]

	server *http.Server // nil while it is away
	serves sync.WaitGroup
}

// Start starts an API on addresses of this machine, 127.0.0.1 unless others are
// given, until the end of the test.
func Start(t testing.TB, hosts ...string) *Origin {
	t.Helper()
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1"}
	}
	o := &Origin{Server: fakeflagsmith.New(), hosts: hosts}
	o.resume(t, "0")
	t.Cleanup(func() {
		o.Close()
		if o.server != nil {
			o.Stop(t)
		}
	})
	return o
}

// Host is the address, without its port, that a node is to use.
func (o *Origin) Host(node int) string { return o.hosts[node%len(o.hosts)] }

// URL is the API's address for a node, without a path.
func (o *Origin) URL(node int) string {
	return "http://" + net.JoinHostPort(o.Host(node), o.port)
}

// Before has f called for each request before it is counted and answered; nil
// ends that.
func (o *Origin) Before(f func(*http.Request)) {
	if f == nil {
		o.before.Store(nil)
		return
	}
	o.before.Store(&f)
}

// Stop takes the API away: connections break, and new ones are refused.
func (o *Origin) Stop(t testing.TB) {
	t.Helper()
	if err := o.server.Close(); err != nil {
		t.Errorf("stopping the API: %v", err)
	}
	o.serves.Wait()
	o.server = nil
}

// Resume brings the API back.
func (o *Origin) Resume(t testing.TB) {
	t.Helper()
	o.resume(t, o.port)
}

// resume serves on all hosts, on one port of its choice if port is "0".
func (o *Origin) resume(t testing.TB, port string) {
	t.Helper()
	var listeners []net.Listener
	deadline := time.Now().Add(10 * time.Second)
	for len(listeners) < len(o.hosts) {
		l, err := net.Listen("tcp", net.JoinHostPort(o.hosts[len(listeners)], port))
		if err != nil { // another process may have the port for a moment
			if time.Now().After(deadline) {
				t.Fatalf("starting the API: %v", err)
			}
			<-time.After(20 * time.Millisecond)
			continue
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		listeners = append(listeners, l)
	}
	o.port = port
	o.server = &http.Server{Handler: o, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	for _, l := range listeners {
		server := o.server
		o.serves.Go(func() { _ = server.Serve(l) }) // ends with Stop
	}
}

// ServeHTTP implements http.Handler.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := o.before.Load(); f != nil {
		(*f)(r)
	}
	o.Server.ServeHTTP(w, r)
}

// Serve makes the API serve a document from now on, whose server-side key is
// ServerKey.
func (o *Origin) Serve(t testing.TB, key string, document []byte) {
	t.Helper()
	err := o.PutEnvironment(fakeflagsmith.Environment{ClientKey: key, ServerKeys: []string{ServerKey(key)}, Document: document})
	if err != nil {
		t.Fatal(err)
	}
}

// Config returns the configuration of a node for environments under these
// client-side keys: api_url and environment_key_pairs.
func (o *Origin) Config(node int, keys ...string) map[string]any {
	return Config(o.URL(node), keys...)
}

// Config is [Origin.Config] for an API elsewhere.
func Config(url string, keys ...string) map[string]any {
	pairs := make([]map[string]any, 0, len(keys))
	for _, key := range keys {
		pairs = append(pairs, map[string]any{"server_side_key": ServerKey(key), "client_side_key": key})
	}
	return map[string]any{"api_url": url + "/api/v1", "environment_key_pairs": pairs}
}

// ServerKey is the server-side key of an environment.
func ServerKey(key string) string { return "ser.secret-of-" + key }

// Document is an environment document of the given time, whose only flag,
// "revision", is on and has this value. It is a little longer than padding, which has
// nothing that JSON escapes.
func Document(key string, at time.Time, value, padding string) []byte {
	return fmt.Appendf(nil, `{"updated_at":%q,"api_key":%q,"name":"Test","project":{"segments":[]},`+
		`"feature_states":[{"django_id":1,"enabled":true,"feature":{"id":1,"name":"revision","type":"STANDARD"},"feature_state_value":%q}],`+
		`"identity_overrides":[],"padding":"%s"}`, at.UTC().Format(time.RFC3339Nano), key, value, padding)
}

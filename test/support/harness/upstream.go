package harness

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// Upstream is a fake Flagsmith API, which the test's own process serves.
type Upstream struct {
	*fakeflagsmith.Client
	Address string // host and port it listens on
	URL     string // "http://" and the address

	stop func()
}

// StartUpstream starts a fake Flagsmith API, which ends with the test.
func StartUpstream(t testing.TB) *Upstream {
	t.Helper()
	return StartUpstreamAt(t, "127.0.0.1:0")
}

// StartUpstreamAt is StartUpstream on a given address, for an upstream that
// comes back where it was. It knows nothing of what the one before it knew.
func StartUpstreamAt(t testing.TB, address string) *Upstream {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("harness: start fakeflagsmith: %v", err)
	}
	fake := fakeflagsmith.New()
	server := &http.Server{Handler: fake, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	go func() { // ends with stop, which cleanup calls
		_ = server.Serve(listener)
		close(served)
	}()
	u := &Upstream{Address: listener.Addr().String()}
	u.stop = sync.OnceFunc(func() {
		fake.Close()
		_ = server.Close()
		<-served
	})
	t.Cleanup(u.stop)
	u.URL = "http://" + u.Address
	u.Client = fakeflagsmith.NewClient(u.URL)
	t.Cleanup(u.Client.Close)
	return u
}

// Kill takes the API away for good: its connections break, and new ones are refused.
func (u *Upstream) Kill(testing.TB) { u.stop() }

// APIURL is what a proxy's api_url has to be.
func (u *Upstream) APIURL() string { return u.URL + "/api/v1" }

// Serve puts environments and returns the configuration of a proxy for them:
// api_url and environment_key_pairs, to which a test adds what it wants.
func (u *Upstream) Serve(t testing.TB, environments ...fakeflagsmith.Environment) map[string]any {
	t.Helper()
	pairs := []map[string]any{}
	for _, e := range environments {
		if err := u.PutEnvironment(t.Context(), e); err != nil {
			t.Fatalf("harness: %v", err)
		}
		for _, key := range e.ServerKeys {
			pairs = append(pairs, map[string]any{"server_side_key": key, "client_side_key": e.ClientKey})
		}
	}
	return map[string]any{"api_url": u.APIURL(), "environment_key_pairs": pairs}
}

package harness

import (
	"os/exec"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// Upstream is a fake Flagsmith API in a process of its own.
type Upstream struct {
	*Process
	*fakeflagsmith.Client
	Address string // host and port it listens on
	URL     string // "http://" and the address
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
	cmd := exec.Command(build(t, "test/support/fakeflagsmith/cmd/fakeflagsmith"), "-listen", address, "-until-stdin-closes")
	// The read end is the process's standard input: should the test die without
	// a cleanup, the pipe closes and the process ends too.
	held, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	u := &Upstream{}
	u.Process = start(t, "fakeflagsmith", cmd, func(p *Process) {
		_ = held.Close()
		p.Kill(t)
		p.judge(t, nil)
	})
	u.Address = u.waitListening(t)
	u.URL = "http://" + u.Address
	u.Client = fakeflagsmith.NewClient(u.URL)
	t.Cleanup(u.Client.Close)
	return u
}

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

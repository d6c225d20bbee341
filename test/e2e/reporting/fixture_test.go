package reporting_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	proxyKey = "proxy-key-0123456789"
	// patience is how long a test waits. Only a failing test waits that long.
	patience = time.Minute
)

func serverKey(environment string) string { return "ser." + environment + "-0123456789" }

func document(environment string) []byte {
	return fmt.Appendf(nil, `{"id":1,"api_key":%q,"name":"Test","updated_at":"2026-01-02T03:04:05.678901+00:00","project":{"id":1,"segments":[]},"feature_states":[`+
		`{"django_id":1,"enabled":true,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"feature_state_value":null},`+
		`{"django_id":2,"enabled":false,"feature":{"id":2,"name":"search","type":"STANDARD"},"feature_state_value":null}],"identity_overrides":[]}`, environment)
}

// world is an upstream with environments.
type world struct{ *harness.Upstream }

// newWorld starts an upstream on which discovery brings the given environments.
func newWorld(t *testing.T, environments ...string) world {
	t.Helper()
	w := world{harness.StartUpstream(t)}
	d := fakeflagsmith.Discovery{ProxyKey: proxyKey}
	for _, e := range environments {
		if err := w.PutEnvironment(t.Context(), fakeflagsmith.Environment{ClientKey: e, ServerKeys: []string{serverKey(e)}, Document: document(e)}); err != nil {
			t.Fatal(err)
		}
		d.Environments = append(d.Environments, fakeflagsmith.DiscoveredEnvironment{
			ClientKey: e, ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: serverKey(e), Active: true}},
		})
	}
	if err := w.PutDiscovery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return w
}

// config is that of a proxy which discovers its environments. Nothing is flushed
// but at the end, unless a test says otherwise.
func (w world) config() map[string]any {
	return map[string]any{
		"api_url": w.APIURL(), "proxy_key": proxyKey, "api_poll_frequency_seconds": 1,
		"usage_flush_interval_seconds": 3600, "analytics": map[string]any{"flush_interval_seconds": 3600},
	}
}

func (w world) fail(t *testing.T, target fakeflagsmith.Target, steps ...fakeflagsmith.Failure) {
	t.Helper()
	if err := w.Fail(t.Context(), target, steps...); err != nil {
		t.Fatal(err)
	}
}

// usage returns what upstream has counted, each batch once.
func (w world) usage(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := w.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, r := range rows {
		counts[r.ClientKey+" "+r.Resource] = r.Count
	}
	return counts
}

// requests returns what a target got, repetitions too.
func (w world) requests(t *testing.T, target fakeflagsmith.Target) []fakeflagsmith.Request {
	t.Helper()
	requests, err := w.Requests(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// more returns a function that reports whether a target has answered since it was called
// last, and true the first time. It costs less than to read the requests again.
func (w world) more(t *testing.T, target fakeflagsmith.Target) func() bool {
	t.Helper()
	known := -1
	return func() bool {
		t.Helper()
		counters, err := w.Counters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answered := counters[target].Requests - counters[target].InFlight
		changed := answered != known
		known = answered
		return changed
	}
}

// start starts a proxy and waits until it serves all of the environments.
func start(t *testing.T, config map[string]any, environments ...string) *harness.Proxy {
	t.Helper()
	p := harness.StartProxy(t, harness.Setup{Config: config})
	for _, e := range environments {
		wait.Until(t, patience, e+" is served", func() bool {
			// Needs the document, and is not counted.
			status, _ := ask(t, http.MethodPost, p.URL+countsPath, "{}", e)
			return status == http.StatusOK
		})
	}
	return p
}

// client uses no forward proxy, whatever the environment says.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// ask sends a request and returns its answer.
func ask(t *testing.T, method, address, body, key string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", key)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// flags asks for flags n times.
func flags(t *testing.T, p *harness.Proxy, environment string, n int) {
	t.Helper()
	for range n {
		if status, body := ask(t, http.MethodGet, p.URL+"/api/v1/flags/", "", environment); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
	}
}

// stop ends a proxy in good order.
func stop(t *testing.T, p *harness.Proxy) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d after SIGTERM\n%s", code, p.Output())
	}
}

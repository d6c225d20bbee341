//go:build page

package page

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// maxPage is how large the page may be, in bytes.
const maxPage = 50_000

// environment returns an environment with some features.
func environment(i int, features ...string) fakeflagsmith.Environment {
	names := []string{"Production", "Staging", "Development", "Berlin", "Tokyo"}
	name := names[i%len(names)]
	if i >= len(names) {
		name += " " + strconv.Itoa(i/len(names)+1)
	}
	key := fmt.Sprintf("K9vN3cUzQ8XrYt%05d", i)
	var states []any
	for n, feature := range features {
		states = append(states, map[string]any{
			"django_id": n + 1, "enabled": true, "feature_state_value": nil, "multivariate_feature_state_values": []any{},
			"feature": map[string]any{"id": n + 1, "name": feature, "type": "STANDARD"},
		})
	}
	document, err := json.Marshal(map[string]any{
		"api_key": key, "name": name, "updated_at": time.Now().UTC().Format(time.RFC3339Nano), "feature_states": states,
		"project": map[string]any{"name": "Online shop", "segments": []any{}},
	})
	if err != nil {
		panic(err) // it is made of plain values
	}
	return fakeflagsmith.Environment{ClientKey: key, ServerKeys: []string{"ser.server_side_key_" + key}, Document: document}
}

// start starts a proxy and returns the address of its admin listener.
func start(t *testing.T, upstream *harness.Upstream, grace float64, environments ...fakeflagsmith.Environment) (*harness.Proxy, string) {
	t.Helper()
	config := upstream.Serve(t, environments...)
	port := harness.FreePort(t)
	config["admin"] = map[string]any{"port": port}
	config["api_poll_frequency_seconds"] = 0.5
	config["health_check"] = map[string]any{"environment_update_grace_period_seconds": grace}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	return proxy, "http://127.0.0.1:" + strconv.Itoa(port)
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// looks are how each page is looked at.
func looks(name string) []look {
	return []look{{name + "-light", 1200, 900, false}, {name + "-dark", 1200, 900, true}, {name + "-narrow", 400, 1200, false}}
}

// check looks at a page in all ways. want are texts that people must see.
func check(t *testing.T, url, name, heading string, want ...string) {
	t.Helper()
	for _, l := range looks(name) {
		v := open(t, url, l)
		if !strings.HasPrefix(v.heading, heading) {
			t.Errorf("%s: the heading is %q, want %q", l.name, v.heading, heading)
		}
		for _, text := range want {
			if !strings.Contains(v.text, text) {
				t.Errorf("%s: %q is not to be seen", l.name, text)
			}
		}
		if v.overflow > 0 {
			t.Errorf("%s: the page is %d pixels wider than the window", l.name, v.overflow)
		}
		if light := brightness(v.picture) > 0x8000; light == l.dark {
			t.Errorf("%s: the background is light: %t", l.name, light)
		}
		if len(v.requests) != 1 {
			t.Errorf("%s: the page caused requests: %q", l.name, v.requests)
		}
	}
}

func TestPageOfAHealthyNode(t *testing.T) {
	upstream := harness.StartUpstream(t)
	all := []fakeflagsmith.Environment{environment(0, "checkout", "banner", "search"), environment(1, "checkout"), environment(2, "checkout")}
	_, admin := start(t, upstream, 30, all...)
	changed := environment(0, "checkout", "banner", "search", "new_checkout")
	if err := upstream.PutEnvironment(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, 20*time.Second, "the change", func() bool { return strings.Contains(get(t, admin), "new_checkout") })
	check(t, admin, "healthy", "Serving 3 of 3 environments. The oldest flags are ", "Nothing is failing.", "Production", "fresh", "this node", "1 feature", "polls succeeded")
	check(t, admin+"/environments/"+changed.ClientKey, "environment", "Production: fresh, confirmed ", "Features added", "new_checkout", "Online shop")
	if os.Getenv("EDGE_PROXY_DOCS_SCREENSHOT") != "" {
		picture, err := os.ReadFile(filepath.Join(seen, "healthy-light.png"))
		if err != nil {
			t.Fatal(err)
		}
		save(t, "../../../docs/images/status-page.png", picture)
	}
}

func TestPageInAnOutage(t *testing.T) {
	upstream := harness.StartUpstream(t)
	_, admin := start(t, upstream, 1, environment(0, "checkout"), environment(1, "checkout"))
	upstream.Kill(t)
	wait.Until(t, 20*time.Second, "the outage", func() bool { return strings.Contains(get(t, admin), "not ready") })
	check(t, admin, "outage", "Serving 2 of 2 environments. Flagsmith has been unreachable for ", "This node is not ready", "critical", "What to do:", "failing", "stale")
}

// Fifty environments, three of which are stale because their keys were revoked.
func TestPageOfManyEnvironments(t *testing.T) {
	upstream := harness.StartUpstream(t)
	var all []fakeflagsmith.Environment
	for i := range 50 {
		all = append(all, environment(i, "checkout", "banner"))
	}
	_, admin := start(t, upstream, 0.1, all...)
	for _, e := range all[:3] {
		if err := upstream.RemoveEnvironment(t.Context(), e.ClientKey); err != nil {
			t.Fatal(err)
		}
	}
	wait.Until(t, time.Minute, "three stale environments", func() bool { return strings.Count(get(t, admin), ">stale</b>") == 3 })
	if size := len(get(t, admin)); size > maxPage {
		t.Errorf("the page has %d bytes", size)
	}
	check(t, admin, "fifty", "Serving 50 of 50 environments. Flagsmith refuses the key for Production, Staging and Development; ", "This node is not ready", "stale", "fresh", "Tokyo 10")
}

//go:build page

package page

import (
	"fmt"
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
	return fakeflagsmith.Simple(key, "ser.server_side_key_"+key, name, time.Now(), features...)
}

// start starts a proxy that is ready.
func start(t *testing.T, upstream *harness.Upstream, grace float64, environments ...fakeflagsmith.Environment) harness.Operated {
	t.Helper()
	config := upstream.Serve(t, environments...)
	config["api_poll_frequency_seconds"] = 0.5
	config["health_check"] = map[string]any{"environment_update_grace_period_seconds": grace}
	return harness.StartOperated(t, harness.Setup{Config: config})
}

func get(t *testing.T, url string) string {
	t.Helper()
	_, body := harness.Ask(t, http.MethodGet, url)
	return body
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
	proxy := start(t, upstream, 30, all...)
	admin := proxy.Admin
	for i := range 60 {
		for _, e := range all {
			headers := []string{"X-Environment-Key", e.ClientKey}
			if i%3 > 0 {
				headers = append(headers, "If-None-Match", "*")
			}
			harness.Ask(t, http.MethodGet, proxy.URL+"/api/v1/flags/", headers...)
		}
	}
	harness.Ask(t, http.MethodGet, proxy.URL+"/api/v1/flags/", "X-Environment-Key", "unknown")
	changed := environment(0, "checkout", "banner", "search", "new_checkout")
	if err := upstream.PutEnvironment(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, 20*time.Second, "the change", func() bool { return strings.Contains(get(t, admin), "new_checkout") })
	check(t, admin, "healthy", "Serving 3 of 3 environments. The oldest flags are ", "Nothing is failing.", "Production", "fresh", "this node", "1 feature", "polls succeeded", "Requests/s", "99 % within", "Fleet", "A single node", "Configuration", "differ from their defaults")
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
	admin := start(t, upstream, 1, environment(0, "checkout"), environment(1, "checkout")).Admin
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
	admin := start(t, upstream, 0.1, all...).Admin
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

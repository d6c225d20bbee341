package adminapi_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// maxPage is how large the page may be with 50 environments, in bytes.
const maxPage = 30_000

// manyEnvironments returns a proxy with n environments, three of which are stale, and
// with all that their rows can show.
func manyEnvironments(n int) *proxy {
	keys := make([]domain.EnvironmentKey, n)
	for i := range keys {
		keys[i] = domain.EnvironmentKey(fmt.Sprintf("K9vN3cUzQ8XrYtWmB%05d", i))
	}
	p := newProxy(keys...)
	for i := range p.status.Environments {
		e := &p.status.Environments[i]
		e.LastChange = &app.ChangeSummary{At: now.Add(-time.Hour), Via: app.ViaStream, Changed: []string{"new_checkout", "free_shipping_banner"}, Segments: []string{"adults"}}
		e.Facts.Name = fmt.Sprint("Production ", i)
		e.Facts.Problems = i % 2
		if i < 3 {
			last := poll(ports.OutcomeForbidden)
			e.State, e.Confirmed, e.Failures, e.LastFailure = app.EnvironmentStale, now.Add(-time.Hour), 360, &last
		}
	}
	p.status.Readiness.State = app.DocumentStale
	for range 20 {
		p.status.Upstream.Polls = append(p.status.Upstream.Polls, poll(ports.OutcomeNotModified))
	}
	for i := range 100 {
		p.recent.Add("environment_updated", keys[i%len(keys)], "Production: 2 features changed: new_checkout, free_shipping_banner")
	}
	return p
}

// withEverything adds what the page shows apart from the status.
func withEverything(o *adminapi.Options) {
	o.Configuration = func() adminapi.Configuration {
		c := adminapi.Configuration{Hash: "9f2c9f2c9f2c9f2c", Ignored: []string{"loging", "SERVER_PROT"}}
		for i := range 10 {
			c.Settings = append(c.Settings, adminapi.Setting{Key: fmt.Sprintf("section.setting_%d", i), Value: strings.Repeat("a long value ", 20), Source: "file:12"})
		}
		return c
	}
	o.Traffic = func() adminapi.Traffic {
		return adminapi.Traffic{Connections: map[string]int64{"http1": 12, "h2": 3, "sse": 1}, LastMinute: &adminapi.LastMinute{
			Over: time.Minute, Requests: 12_000, NotModified: 4000, ClientErrors: 3, ServerErrors: 12, Median: 70 * time.Microsecond, P99: 2300 * time.Microsecond, Longest: time.Second,
		}}
	}
}

func TestPageIsSmall(t *testing.T) {
	page := serve(t, manyEnvironments(50), withEverything).get("/")
	page.want(t, 200, "Serving 50 of 50 environments.")
	if n := len(page.body); n > maxPage {
		t.Errorf("the page has %d bytes, more than %d", n, maxPage)
	}
	page.want(t, 200, "Production 49: Production: 2 features changed")
	if rows := strings.Count(page.body, `<tr><td><a href="environments/`); rows != 50 {
		t.Errorf("%d rows", rows)
	}
}

func TestTrafficOnThePage(t *testing.T) {
	p := newProxy("shop")
	p.status.Environments[0].Listeners = 7
	wantFigures := func(a api, texts ...string) {
		t.Helper()
		body := a.get("/").body
		for i := 0; i < len(texts); i += 2 {
			if !regexp.MustCompile(regexp.QuoteMeta(texts[i]) + `<dd[^>]*>` + regexp.QuoteMeta(html.EscapeString(texts[i+1])) + `</div>`).MatchString(body) {
				t.Errorf("%s is not %q on the page", texts[i], texts[i+1])
			}
		}
	}
	wantFigures(serve(t, p, withEverything), "Requests/s", "200", "304 unchanged", "33.3 %", "4xx refused", "< 0.1 %", "5xx failed", "0.1 %",
		"Half within", "70 µs", "99 % within", "2.3 ms", "Connections", "16", "Event listeners", "7")
	with := func(m *adminapi.LastMinute) api {
		return serve(t, p, func(o *adminapi.Options) {
			o.Traffic = func() adminapi.Traffic { return adminapi.Traffic{LastMinute: m} }
		})
	}
	idle := with(&adminapi.LastMinute{Over: 20 * time.Second})
	wantFigures(idle, "Requests/s", "0", "5xx failed", "0 %", "Half within", "–", "Connections", "0")
	idle.get("/").want(t, 200, "Requests of the last 20 s, health checks left out.")
	wantFigures(with(&adminapi.LastMinute{Over: time.Minute, Requests: 1, Median: time.Second, P99: time.Second, Longest: time.Second}),
		"Requests/s", "< 0.1", "Half within", "1 s or more")
	with(nil).get("/").want(t, 200, "Requests are not measured, because metrics.enabled is false.", "Connections")
	if body := serve(t, p).get("/").body; strings.Contains(body, "Traffic") {
		t.Error("the page of a program without traffic has a heading for it")
	}
}

func TestFleetOnThePage(t *testing.T) {
	p := newProxy("shop")
	a := serve(t, p)
	a.get("/").want(t, 200, "A single node: no other node shares its store.")
	p.status.Fleet.Shared = true
	a.get("/").want(t, 200, "The store has not been asked for other nodes yet.")
	p.status.Fleet.ReadAt = now.Add(-3 * time.Second)
	a.get("/").want(t, 200, "No other node was seen in the store 3 s ago.")
	p.status.Fleet.Nodes = append(p.status.Fleet.Nodes,
		app.NodeStatus{Name: "node-2", Version: "v1.2.4", ConfigHash: "9f2c", Ready: false, Seen: now.Add(-5 * time.Second)},
		app.NodeStatus{Name: "node-3", Version: "v1.2.3", ConfigHash: "aaaa", Ready: true, Seen: now.Add(-4 * time.Second)},
		app.NodeStatus{Name: "<b>", Seen: now})
	a.get("/").want(t, 200, "4 nodes share the store, as it was 3 s ago.", `node-1<td><b class="good">ready</b><td>v1.2.3<td>9f2c<td>this node`,
		`node-2<td><b class="critical">not ready</b><td>v1.2.4<td>9f2c<td>5 s ago`, `node-3<td><b class="good">ready</b><td>v1.2.3<td>aaaa <b class="warning">differs from this node</b>`,
		"&lt;b&gt;", "1 node of the fleet has another configuration than this one.")
	for i := range 100 {
		p.status.Fleet.Nodes = append(p.status.Fleet.Nodes, app.NodeStatus{Name: fmt.Sprint("node-", i+10), Seen: now})
	}
	a.get("/").want(t, 200, "104 nodes share the store", "The first 50 are shown; status.json has all.")
}

func TestConfigurationOnThePage(t *testing.T) {
	a := serve(t, newProxy("shop"), withEverything)
	a.get("/").want(t, 200, "The hash of all values is 9f2c9f2c9f2c9f2c", "10 settings differ from their defaults", "<td>section.setting_7<td>a long value", "<td>file:12",
		"Ignored, because there is no such setting: loging, SERVER_PROT")
	if body := serve(t, newProxy("shop")).get("/").body; strings.Contains(body, "<h2>Configuration") {
		t.Error("the page of a program that does not report its configuration has a heading for it")
	}
}

// The page needs no script and nothing from elsewhere.
func TestPageStandsAlone(t *testing.T) {
	a := serve(t, manyEnvironments(50), withEverything)
	for _, path := range []string{"/", "/status", "/environments/K9vN3cUzQ8XrYtWmB00001"} {
		page := a.get(path, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		page.want(t, 200, "<!doctype html>", `<meta http-equiv="refresh" content="10">`, "prefers-color-scheme:dark")
		if page.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", path, page.header)
		}
		if found := regexp.MustCompile(`(?i)<script|<img|<link|src=|@import|\son[a-z]+=|style="`).FindString(page.body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

// States are words, so that colours are not needed.
func TestStatesAreWords(t *testing.T) {
	a := serve(t, manyEnvironments(50))
	body := a.get("/").body
	for _, want := range []string{`<b class="critical">stale</b>`, `<b class="good">fresh</b>`, "critical</span>:", "20 of 20 polls succeeded"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	a.get("/environments/K9vN3cUzQ8XrYtWmB00001", "Accept", "text/html").want(t, 200, "stale, confirmed 60 min ago", "Features changed", "new_checkout, free_shipping_banner")
}

// Names come from Flagsmith, and those who may write there must not write the page.
func TestNamesAreText(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><b x=`
	p := newProxy("shop", "a/b?c#d e")
	e := &p.status.Environments[0]
	e.Facts.Name, e.Facts.Project = evil, evil
	e.LastChange = &app.ChangeSummary{At: now, Changed: []string{evil}}
	e.Facts.FirstProblems = []domain.Problem{{Path: evil, What: evil, Effect: evil}}
	last := poll(ports.OutcomeForbidden)
	last.Cause = evil
	e.Failures, e.LastFailure, e.Polls = 1, &last, []app.Poll{last}
	p.recent.Add(evil, "shop", evil)
	a := serve(t, p)
	for _, path := range []string{"/", "/environments/shop"} {
		if body := a.get(path, "Accept", "text/html").body; strings.Contains(body, "<script") || strings.Contains(body, "<b x=") {
			t.Errorf("%s: %s", path, body)
		}
	}
	link := regexp.MustCompile(`href="(environments/a[^"]*)"`).FindStringSubmatch(a.get("/").body)
	if link == nil {
		t.Fatal("no link")
	}
	a.get("/"+link[1], "Accept", "text/html").want(t, 200, "a/b?c#d e")
}

func TestEnvironmentByAccept(t *testing.T) {
	a := serve(t, newProxy("shop"))
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "application/json": "application/json", "text/html;q=0.5,application/json": "application/json",
		"text/html": "text/html; charset=utf-8", "text/html,*/*;q=0.1": "text/html; charset=utf-8", "text/*;q=0.9,application/json;q=0.1": "text/html; charset=utf-8", "nonsense;;": "application/json",
	} {
		if got := a.get("/environments/shop", "Accept", accept).header.Get("Content-Type"); got != want {
			t.Errorf("%q is answered with %s", accept, got)
		}
	}
	a.get("/environments/other").want(t, 404, "does not serve")
}

func TestDocumentIsMaskedAndConditional(t *testing.T) {
	a := serve(t, newProxy("shop"))
	got := a.get("/environments/shop/document")
	got.want(t, 200, `"api_key":"shop"`, "ser.…")
	if strings.Contains(got.body, serverKey) {
		t.Errorf("a key is in %s", got.body)
	}
	tag := got.header.Get("ETag")
	if again := a.get("/environments/shop/document", "If-None-Match", tag); tag == "" || again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("tag %s: %+v", tag, again)
	}
	a.get("/environments/shop/document", "If-None-Match", `"other"`).want(t, 200)
	a.get("/environments/other/document").want(t, 404)
}

func TestConfigurationAndVersion(t *testing.T) {
	a := serve(t, newProxy("shop"), func(o *adminapi.Options) {
		o.Configuration = func() adminapi.Configuration {
			return adminapi.Configuration{Hash: "9f2c", Details: map[string]any{"hash": "9f2c", "ignored": []string{"loging"}}}
		}
	})
	a.get("/config").want(t, 200, `"hash": "9f2c"`, `"loging"`)
	a.get("/version").want(t, 200, `"version": "v1.2.3"`, `"commit": "abc"`)
	serve(t, newProxy("shop")).get("/config").want(t, 404)
}

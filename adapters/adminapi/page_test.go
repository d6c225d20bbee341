package adminapi_test

import (
	"fmt"
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

// manyEnvironments returns a proxy with 50 environments, three of which are stale, and
// with all that their rows can show.
func manyEnvironments() *proxy {
	keys := make([]domain.EnvironmentKey, 50)
	for i := range keys {
		keys[i] = domain.EnvironmentKey(fmt.Sprintf("K9vN3cUzQ8XrYtWmB%05d", i))
	}
	p := newProxy(keys...)
	for i := range p.status.Environments {
		e := &p.status.Environments[i]
		e.LastChange = &app.ChangeSummary{At: now.Add(-time.Hour), Via: app.ViaStream, Changed: []string{"new_checkout", "free_shipping_banner"}, Segments: []string{"adults"}}
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

func TestPageIsSmall(t *testing.T) {
	page := serve(t, manyEnvironments()).get("/")
	page.want(t, 200, "Serving 50 of 50 environments.")
	if n := len(page.body); n > maxPage {
		t.Errorf("the page has %d bytes, more than %d", n, maxPage)
	}
	page.want(t, 200, "Environment K9vN3cUzQ8XrYtWmB00049: Production: 2 features changed")
	if rows := strings.Count(page.body, `<tr><td><a href="environments/`); rows != 50 {
		t.Errorf("%d rows", rows)
	}
}

// The page needs no script and nothing from elsewhere.
func TestPageStandsAlone(t *testing.T) {
	a := serve(t, manyEnvironments())
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
	a := serve(t, manyEnvironments())
	body := a.get("/").body
	for _, want := range []string{`<b class="critical">stale</b>`, `<b class="good">fresh</b>`, "critical</span>:", "20 of 20 polls succeeded"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	a.get("/environments/K9vN3cUzQ8XrYtWmB00001", "Accept", "text/html").want(t, 200, "stale, confirmed 60 min ago", "Features changed", "new_checkout, free_shipping_banner")
}

// Names come from Flagsmith, and whoever may write there must not write the page.
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

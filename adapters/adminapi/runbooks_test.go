package adminapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Every finding leads to a part of the documentation that exists.
func TestFindingsLeadToPages(t *testing.T) {
	const base = "https://github.com/edge-proxy/edge-proxy/blob/main/docs/"
	seen := map[string]bool{}
	look := func(p *proxy) {
		t.Helper()
		a := serve(t, p, func(o *adminapi.Options) {
			o.Configuration = func() adminapi.Configuration {
				return adminapi.Configuration{Warnings: []string{"loging: is not a setting"}, NeedRestart: []string{"server.port"}}
			}
		})
		for _, f := range a.get("/status.json").json(t)["findings"].([]any) {
			finding := f.(map[string]any)
			if finding["do"] == "" {
				t.Errorf("%v does not say what to do", finding["what"])
			}
			seen[finding["page"].(string)] = true
		}
	}
	for _, outcome := range ports.Outcomes() {
		for _, since := range []time.Duration{time.Second, time.Hour} {
			p := newProxy("shop", "news")
			p.unreachable(outcome, since)
			look(p)
		}
	}
	p := newProxy("shop")
	p.status.Store, p.status.Upstream.ClockAhead, p.status.Discovery = app.StoreStatus{}, time.Hour, &app.DiscoveryStatus{}
	p.status.Readiness.State = app.NodeDraining
	p.status.Fleet.Nodes = append(p.status.Fleet.Nodes, app.NodeStatus{ConfigHash: "aaaa"})
	e := &p.status.Environments[0]
	e.State, e.Stopped, e.StreamUp, e.Facts.Problems, e.CutOffs = app.EnvironmentMissing, true, new(false), 1, map[app.Cost]uint64{"regex": 1}
	e.Measures.Pin, e.HeldBack = &app.Pin{}, &app.HeldBack{}
	look(p)
	look(newProxy())
	if len(seen) < 14 {
		t.Errorf("only %d pages: %v", len(seen), seen)
	}
	for address := range seen {
		page, anchor, _ := strings.Cut(strings.TrimPrefix(address, base), "#")
		text, err := os.ReadFile(filepath.Join("../../docs", page))
		if err != nil || !strings.HasPrefix(address, base) {
			t.Errorf("%s: %v", address, err)
		} else if anchor != "" && !hasHeading(string(text), anchor) {
			t.Errorf("%s: %s has no such heading", address, page)
		}
	}
}

// hasHeading reports whether a page has a heading with an anchor, as GitHub makes them.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		if title, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); is && strings.HasPrefix(line, "#") && strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") == anchor {
			return true
		}
	}
	return false
}

package adminapi_test

import (
	"html"
	"regexp"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// heading finds the first sentence of the page.
var heading = regexp.MustCompile(`<h1 class="(.*?)">(.*?)</h1>`)

// The first sentences and the findings in every kind of outage.
func TestSummaryInOutages(t *testing.T) {
	key := func(p *proxy, o ports.Outcome, cause string) {
		last := poll(o)
		last.Cause = cause
		p.status.Environments[1].Failures, p.status.Environments[1].LastFailure = 3, &last
	}
	missing := func(p *proxy, i int) {
		e := &p.status.Environments[i]
		*e = app.EnvironmentStatus{Key: e.Key, State: app.EnvironmentMissing, Failures: e.Failures, LastFailure: e.LastFailure, Lease: app.LeaseNobody}
		p.status.Readiness = app.ReadinessStatus{State: app.DocumentMissing, Reasons: []app.Reason{{Code: app.DocumentMissing, Environment: e.Key}}}
	}
	tests := []struct {
		name     string
		happens  func(*proxy)
		want     string
		severity string
		findings []string // what they must say
	}{
		{"nothing", func(*proxy) {}, "Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "", nil},
		{"Flagsmith is away for a short time", func(p *proxy) { p.unreachable(ports.OutcomeRefused, 20*time.Second) },
			"Serving 2 of 2 environments. Flagsmith has been unreachable for 20 s; the oldest flags are 20 s old. Nothing is failing.", "warning", []string{"37 failures in a row", "Check api_url"}},
		{"Flagsmith is away, documents never go stale", func(p *proxy) { p.status.Limit = time.Hour; p.unreachable(ports.OutcomeDNS, 6*time.Minute) },
			"Serving 2 of 2 environments. Flagsmith has been unreachable for 6 min; the oldest flags are 6 min old. Nothing is failing.", "warning", nil},
		{"Flagsmith is away for long", func(p *proxy) { p.unreachable(ports.OutcomeTimeout, 6*time.Minute) },
			"Serving 2 of 2 environments. Flagsmith has been unreachable for 6 min; the oldest flags are 6 min old. This node is not ready, because flags may be at most 40 s old; it answers all the same.",
			"critical", []string{"Environment shop and Environment news: the document was not confirmed for more than 40 s"}},
		{"Flagsmith answers with errors", func(p *proxy) { p.unreachable(ports.OutcomeServerError, 20*time.Second) },
			"Serving 2 of 2 environments. Flagsmith has answered with errors for 20 s; the oldest flags are 20 s old. Nothing is failing.", "warning", []string{"Check the health of the API"}},
		{"Flagsmith limits requests", func(p *proxy) { p.unreachable(ports.OutcomeThrottled, 20*time.Second) },
			"Serving 2 of 2 environments. Flagsmith has limited requests for 20 s; the oldest flags are 20 s old. Nothing is failing.", "warning", []string{"Poll less often"}},
		{"a captive portal answers", func(p *proxy) { p.unreachable(ports.OutcomeInvalid, 20*time.Second) },
			"Serving 2 of 2 environments. Flagsmith has sent unusable responses for 20 s; the oldest flags are 20 s old. Nothing is failing.", "warning", nil},
		{"one key is revoked", func(p *proxy) { key(p, ports.OutcomeForbidden, "the key was revoked") },
			"Serving 2 of 2 environments. Flagsmith refuses the key for Environment news; the oldest flags are 3 s old. Nothing is failing.", "warning", []string{"The key was revoked. Check that the server-side key is still valid"}},
		{"one key is revoked, and its document is stale", func(p *proxy) {
			key(p, ports.OutcomeForbidden, "")
			e := &p.status.Environments[1]
			e.State, e.Confirmed = app.EnvironmentStale, now.Add(-2*time.Minute)
			p.status.Readiness.State = app.DocumentStale
		}, "Serving 2 of 2 environments. Flagsmith refuses the key for Environment news; the oldest flags are 2 min old. This node is not ready, because flags may be at most 40 s old; it answers all the same.",
			"critical", []string{"Environment news: the document was not confirmed", "Flagsmith refuses the key for Environment news"}},
		{"one document is unusable", func(p *proxy) { key(p, ports.OutcomeInvalid, "") },
			"Serving 2 of 2 environments. Flagsmith sends unusable documents for Environment news; the oldest flags are 3 s old. Nothing is failing.", "warning", nil},
		{"one environment was deleted", func(p *proxy) { key(p, ports.OutcomeNotFound, "") },
			"Serving 2 of 2 environments. Flagsmith has no document for Environment news; the oldest flags are 3 s old. Nothing is failing.", "warning", nil},
		{"start without Flagsmith", func(p *proxy) { p.unreachable(ports.OutcomeRefused, 5*time.Second); missing(p, 0); missing(p, 1) },
			"Serving 0 of 2 environments. Flagsmith has been unreachable for 5 s. Requests for 2 environments are answered with 503 until the document has arrived, and this node is not ready.", "critical",
			[]string{"shop and news: no document has arrived"}},
		{"start with a wrong key", func(p *proxy) { key(p, ports.OutcomeUnauthorized, ""); missing(p, 1) },
			"Serving 1 of 2 environments. Flagsmith refuses the key for news; flags are 3 s old. Requests for 1 environment are answered with 503 until the document has arrived, and this node is not ready.", "critical", nil},
		{"an environment was added", func(p *proxy) { missing(p, 1); p.status.Readiness.State = app.Ready },
			"Serving 1 of 2 environments. Flags are 3 s old. Requests for 1 environment are answered with 503 until the document has arrived.", "critical", nil},
		{"an organisation is disabled", func(p *proxy) { p.status.Environments[0].Stopped = true },
			"Serving 2 of 2 environments. The oldest flags are 3 s old. Requests for 1 environment are answered with 403, because the organisation is disabled.", "warning", []string{"Enable it in Flagsmith"}},
		{"the store is away", func(p *proxy) {
			p.status.Store = app.StoreStatus{Since: now.Add(-4 * time.Minute), Error: "no route to redis"}
		},
			"Serving 2 of 2 environments. The store has been away for 4 min; the oldest flags are 3 s old. Nothing is failing.", "warning", []string{"No route to redis"}},
		{"the store and Flagsmith are away", func(p *proxy) {
			p.unreachable(ports.OutcomeTLS, 30*time.Second)
			p.status.Store = app.StoreStatus{}
		}, "Serving 2 of 2 environments. Flagsmith has been unreachable for 30 s, and the store has been away; the oldest flags are 30 s old. Nothing is failing.", "warning", nil},
		{"draining", func(p *proxy) { p.status.Readiness.State = app.NodeDraining },
			"Serving 2 of 2 environments. The oldest flags are 3 s old. This node is draining and not ready: it answers, and asks clients to connect elsewhere.", "critical", nil},
		{"discovery has not answered", func(p *proxy) {
			p.status.Environments, p.status.Discovery, p.status.Readiness.State = nil, &app.DiscoveryStatus{}, app.DocumentMissing
		}, "Serving nothing: the list of environments has not arrived. This node is not ready.", "critical", []string{"The list of environments cannot be read"}},
		{"discovery lists nothing", func(p *proxy) {
			p.status.Environments, p.status.Discovery, p.status.Readiness.State = nil, &app.DiscoveryStatus{LastSuccess: now}, app.DocumentMissing
		}, "Serving nothing: the proxy key opens no environment. This node is not ready.", "critical", nil},
		{"discovery fails", func(p *proxy) {
			p.status.Discovery = &app.DiscoveryStatus{LastSuccess: now.Add(-time.Minute), Environments: 2}
		},
			"Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "warning", []string{"The list of environments cannot be read"}},
		{"a follower of a store", func(p *proxy) {
			p.status.Upstream = app.UpstreamStatus{State: app.UpstreamUnknown}
			p.status.Environments[0].Via, p.status.Environments[0].Lease = app.ViaStore, app.LeaseAnotherNode
		}, "Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "", nil},
		{"the event stream is down", func(p *proxy) { p.status.Environments[0].StreamUp = new(false) },
			"Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "warning", []string{"changes are found by polling only"}},
		{"the clock is wrong", func(p *proxy) { p.status.Upstream.ClockAhead = -6 * time.Minute },
			"Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "critical", []string{"differ by 6 min"}},
		{"a document has problems", func(p *proxy) { p.status.Environments[0].Facts.Problems = 2 },
			"Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "warning", []string{"Environment shop: parts of the document"}},
		{"a feature is overridden", func(p *proxy) {
			p.status.Environments[0].Measures.Overrides = []app.Override{{Measure: app.Measure{Author: "ada", Reason: "orders fail", Since: now, Until: now.Add(time.Hour)}, Feature: "banner"}}
		}, "Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "warning",
			[]string{"Environment shop: an operator has pinned a document or overridden features", "banner overridden, off until 2026-03-01 13:00:00Z by ada: orders fail"}},
		{"a document is held back", func(p *proxy) {
			p.status.Environments[0].HeldBack = &app.HeldBack{Since: now, Until: now.Add(time.Hour), Reasons: []string{"11 of 20 features removed"}}
		}, "Serving 2 of 2 environments. The oldest flags are 3 s old. Nothing is failing.", "warning", []string{"Environment shop: a document is held back until 2026-03-01 13:00:00Z as suspicious: 11 of 20 features removed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProxy("shop", "news")
			tt.happens(p)
			a := serve(t, p)
			page := a.get("/")
			page.want(t, 200)
			found := heading.FindStringSubmatch(page.body)
			if len(found) != 3 || html.UnescapeString(found[2]) != tt.want || found[1] != tt.severity {
				t.Errorf("got  %q\nwant %q, %s", found, tt.want, tt.severity)
			}
			status := a.get("/status.json").json(t)
			if status["summary"] != tt.want {
				t.Errorf("status.json says %q", status["summary"])
			}
			text := html.UnescapeString(page.body)
			for _, finding := range tt.findings {
				if !regexp.MustCompile(regexp.QuoteMeta(finding)).MatchString(text) {
					t.Errorf("the page does not say %q", finding)
				}
			}
			if all := status["findings"].([]any); (len(all) == 0) != (tt.severity == "") {
				t.Errorf("findings %v", all)
			}
		})
	}
}

func TestManyEnvironmentsAreOneFinding(t *testing.T) {
	p := newProxy("a", "b", "c", "d", "e")
	last := poll(ports.OutcomeForbidden)
	for i := range p.status.Environments {
		p.status.Environments[i].Failures, p.status.Environments[i].LastFailure = 1, &last
	}
	findings := serve(t, p).get("/status.json").json(t)["findings"].([]any)
	if len(findings) != 1 || findings[0].(map[string]any)["what"] != "Flagsmith refuses the key for Environment a, Environment b, Environment c and 2 more." {
		t.Errorf("findings %v", findings)
	}
}

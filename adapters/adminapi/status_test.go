package adminapi_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// schemaOf compiles a part of the schema that the documentation has.
func schemaOf(t *testing.T, part string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/status.schema.json" + part)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// The schema refuses members that it does not know, so that each one is documented.
func TestStatusFollowsItsSchema(t *testing.T) {
	full := func(p *proxy) {
		p.unreachable(ports.OutcomeRefused, time.Minute)
		p.status.Upstream.LastFailure.Cause = "nothing listens there"
		p.status.Store = app.StoreStatus{Since: now.Add(-time.Minute), Error: "away"}
		p.status.Discovery = &app.DiscoveryStatus{LastSuccess: now.Add(-time.Minute), Environments: 2}
		e := &p.status.Environments[0]
		p.status.Fleet.Shared, p.status.Fleet.ReadAt = true, now.Add(-2*time.Second)
		p.status.Fleet.Nodes = append(p.status.Fleet.Nodes, app.NodeStatus{Name: "node-2", Seen: now.Add(-time.Second)})
		for _, kind := range []app.ReportKind{app.UsageReports, app.AnalyticsReports} {
			p.status.Reports = append(p.status.Reports, app.ReportStatus{Kind: kind, Progress: reporting.Progress{
				Pending: 120, Sent: 7, Dropped: map[reporting.Drop]int64{reporting.DroppedFull: 3, reporting.DroppedRefused: 4}, LastSuccess: now,
			}})
		}
		e.Requests = reporting.Served{domain.ServedFlags: 91233, domain.ServedOFREPFlags: 2, domain.ServedOFREPIdentities: 3}
		e.StreamUp, e.Polls = new(true), []app.Poll{poll(ports.OutcomeNotModified), poll(ports.OutcomeTLS)}
		e.LastChange = &app.ChangeSummary{At: now, Via: app.ViaStream, Changed: []string{"a"}, Added: []string{"b"}, Removed: []string{"c"}, Segments: []string{"d"}, Identities: 2}
		e.Facts.FirstProblems = []domain.Problem{{Path: "p", What: "w", Effect: "e"}}
		one := app.Measure{Author: "ada", Reason: "a drill", Since: now, Until: now.Add(time.Hour)}
		e.Measures = app.Measures{Pin: &app.Pin{Measure: one, SHA256: strings.Repeat("a", 64)}, Overrides: []app.Override{
			{Measure: one, Feature: "a"}, {Measure: one, Feature: "b", FeatureOverride: domain.FeatureOverride{Enabled: true, Value: []byte(`"x"`)}},
		}}
		e.HeldBack = &app.HeldBack{Updated: now, Since: now, Until: now.Add(time.Minute), Reasons: []string{"11 of 20 features removed"}}
	}
	empty := func(p *proxy) {
		p.status = app.Status{At: now, Started: now, Fleet: app.FleetStatus{Nodes: []app.NodeStatus{{}}}, Readiness: app.ReadinessStatus{State: app.DocumentMissing, Reasons: []app.Reason{{Code: app.DocumentMissing}}}, Upstream: app.UpstreamStatus{State: app.UpstreamUnknown}}
	}
	missing := func(p *proxy) {
		p.status.Environments[0] = app.EnvironmentStatus{Key: "shop", Origin: app.OriginDiscovered, State: app.EnvironmentMissing, Lease: app.LeaseNobody}
	}
	configured := func(o *adminapi.Options) {
		o.Configuration = func() adminapi.Configuration {
			return adminapi.Configuration{Hash: "9f2c", Warnings: []string{"loging: is not a setting"}, NeedRestart: []string{"server.port"}}
		}
	}
	idle := func(o *adminapi.Options) {
		o.Traffic = func() adminapi.Traffic { return adminapi.Traffic{} }
	}
	busy := func(o *adminapi.Options) {
		o.Traffic = func() adminapi.Traffic {
			return adminapi.Traffic{Connections: map[string]int64{"http1": 3, "h2": 1, "sse": 0}, LastMinute: &adminapi.LastMinute{
				Over: time.Minute, Requests: 1000, NotModified: 400, ClientErrors: 10, ServerErrors: 1, Median: 70 * time.Microsecond, P99: 230 * time.Microsecond,
			}}
		}
	}
	status, environment := schemaOf(t, ""), schemaOf(t, "#/$defs/environmentDetails")
	for name, happens := range map[string]func(*proxy){"well": func(*proxy) {}, "full": full, "empty": empty, "missing": missing} {
		t.Run(name, func(t *testing.T) {
			p := newProxy("shop", "news")
			happens(p)
			for _, a := range []api{serve(t, p), serve(t, p, configured, idle), serve(t, p, configured, busy)} {
				got := a.get("/status.json")
				got.want(t, 200)
				validate(t, status, got.body)
				for _, e := range p.status.Environments {
					got := a.get("/environments/" + string(e.Key))
					got.want(t, 200, `"key": "`+string(e.Key)+`"`)
					validate(t, environment, got.body)
				}
			}
		})
	}
}

// Scripts read these as the schema describes them.
func TestStatusHasReportsRequestsFleetAndTraffic(t *testing.T) {
	p := newProxy("shop")
	p.status.Reports = []app.ReportStatus{{Kind: app.UsageReports, Progress: reporting.Progress{
		Pending: 120, Sent: 7, Dropped: map[reporting.Drop]int64{reporting.DroppedFull: 3, reporting.DroppedRefused: 4}, LastSuccess: now,
	}}}
	p.status.Environments[0].Requests = reporting.Served{domain.ServedFlags: 91233, domain.ServedIdentities: 50122, domain.ServedOFREPFlags: 2, domain.ServedOFREPIdentities: 3}
	p.status.Environments[0].Listeners = 12
	p.status.Fleet = app.FleetStatus{Shared: true, ReadAt: now.Add(-2 * time.Second), Nodes: []app.NodeStatus{
		{Name: "node-1", Version: "v1.2.3", ConfigHash: "9f2c", Ready: true, Seen: now}, {Name: "node-2", Seen: now.Add(-time.Second)},
	}}
	body := serve(t, p, func(o *adminapi.Options) {
		o.Traffic = func() adminapi.Traffic {
			return adminapi.Traffic{Connections: map[string]int64{"http1": 3, "h2": 1}, LastMinute: &adminapi.LastMinute{
				Over: 50 * time.Second, Requests: 1000, NotModified: 400, ClientErrors: 10, ServerErrors: 1, Median: 70 * time.Microsecond, P99: 230 * time.Microsecond,
			}}
		}
	}).get("/status.json").body
	var got struct {
		Reports, Fleet, Traffic json.RawMessage
		Environments            []struct{ Requests json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"reports":  {string(got.Reports), `{"usage":{"pending":120,"sent":7,"dropped":7,"last":"2026-03-01T12:00:00Z"}}`},
		"requests": {string(got.Environments[0].Requests), `{"flags":91233,"identities":50122,"document":0,"ofrep":5}`},
		"fleet": {string(got.Fleet), `{"shared":true,"read":"2026-03-01T11:59:58Z","nodes":[{"node":"node-1","version":"v1.2.3","config_hash":"9f2c","ready":true,"seen":"2026-03-01T12:00:00Z"},
			{"node":"node-2","version":null,"config_hash":null,"ready":false,"seen":"2026-03-01T11:59:59Z"}]}`},
		"traffic": {string(got.Traffic), `{"last_minute":{"over":"50s","requests":1000,"requests_per_second":20,"not_modified":400,"client_errors":10,"server_errors":1,"p50":"0.00007s","p99":"0.00023s"},
			"connections":{"h2":1,"http1":3},"listeners":12}`},
	} {
		if got, want := compact(t, pair[0]), compact(t, pair[1]); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

// compact returns JSON without white space.
func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out.String()
}

// A schema that takes everything would hold nothing.
func TestSchemaRefusesWhatItDoesNotKnow(t *testing.T) {
	status := schemaOf(t, "")
	body := serve(t, newProxy("shop")).get("/status.json").body
	for _, change := range [][2]string{
		{`"schema": 1`, `"schema": 2`}, {`"node":`, `"knot":`}, {`"state": "ready"`, `"state": "well"`}, {`"age": "3s"`, `"age": "3 s"`}, {`"lease": "this node"`, `"lease": "node"`},
		{`"features": 2`, `"features": -2`}, {`"at": "2026-03-01T12:00:00Z"`, `"at": "noon"`}, {`"via": "poll"`, `"via": "post"`},
	} {
		changed := strings.Replace(body, change[0], change[1], 1)
		if changed == body {
			t.Fatalf("%q is not in %s", change[0], body)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(changed))
		if err != nil {
			t.Fatal(err)
		}
		if status.Validate(v) == nil {
			t.Errorf("the schema takes %s", change[1])
		}
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, body string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%v\n%s", err, body)
	}
}

package adminapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
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
		p.status = app.Status{At: now, Started: now, Readiness: app.ReadinessStatus{State: app.DocumentMissing, Reasons: []app.Reason{{Code: app.DocumentMissing}}}, Upstream: app.UpstreamStatus{State: app.UpstreamUnknown}}
	}
	missing := func(p *proxy) {
		p.status.Environments[0] = app.EnvironmentStatus{Key: "shop", Origin: app.OriginDiscovered, State: app.EnvironmentMissing, Lease: app.LeaseNobody}
	}
	configured := func(o *adminapi.Options) {
		o.Configuration = func() adminapi.Configuration {
			return adminapi.Configuration{Hash: "9f2c", Warnings: []string{"loging: is not a setting"}, NeedRestart: []string{"server.port"}}
		}
	}
	status, environment := schemaOf(t, ""), schemaOf(t, "#/$defs/environmentDetails")
	for name, happens := range map[string]func(*proxy){"well": func(*proxy) {}, "full": full, "empty": empty, "missing": missing} {
		t.Run(name, func(t *testing.T) {
			p := newProxy("shop", "news")
			happens(p)
			for _, a := range []api{serve(t, p), serve(t, p, configured)} {
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

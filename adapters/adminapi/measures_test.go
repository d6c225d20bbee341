package adminapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// operator is an Operator, with a History, that notes what it is asked for and fails as a
// test wants it to.
type operator struct {
	err   error
	asked []string
}

func (o *operator) ask(format string, args ...any) error {
	o.asked = append(o.asked, fmt.Sprintf(format, args...))
	return o.err
}

func (o *operator) AcceptDocument(_ context.Context, key domain.EnvironmentKey) (string, error) {
	return "abc123", o.ask("accept %s", key)
}

func (o *operator) PinDocument(_ context.Context, key domain.EnvironmentKey, version, author, reason string, lasts time.Duration) (app.Pin, error) {
	return app.Pin{Measure: app.Measure{Author: author, Reason: reason, Since: now, Until: now.Add(lasts)}, SHA256: "abc123"}, o.ask("pin %s %s by %s for %s: %s", key, version, author, lasts, reason)
}

func (o *operator) Rollback(_ context.Context, key domain.EnvironmentKey, author, reason string, lasts time.Duration) (app.Pin, error) {
	return app.Pin{SHA256: "abc123"}, o.ask("rollback %s by %s for %s: %s", key, author, lasts, reason)
}

func (o *operator) EndPin(_ context.Context, key domain.EnvironmentKey) error {
	return o.ask("end pin %s", key)
}

func (o *operator) OverrideFeature(_ context.Context, key domain.EnvironmentKey, feature string, f domain.FeatureOverride, author, reason string, lasts time.Duration) (app.Override, error) {
	return app.Override{Feature: feature, FeatureOverride: f}, o.ask("override %s %s %t %s by %s for %s: %s", key, feature, f.Enabled, f.Value, author, lasts, reason)
}

func (o *operator) EndOverride(_ context.Context, key domain.EnvironmentKey, feature string) error {
	return o.ask("end override %s %s", key, feature)
}

func (o *operator) History(_ context.Context, key domain.EnvironmentKey) ([]app.HistoryEntry, error) {
	return []app.HistoryEntry{{SHA256: strings.Repeat("a", 64), Updated: now, Bytes: 7}}, o.ask("history %s", key)
}

func (o *operator) Document(_ context.Context, key domain.EnvironmentKey, version string) (app.HistoryEntry, []byte, error) {
	return app.HistoryEntry{SHA256: strings.Repeat("a", 64), Updated: now}, []byte(`{"secret":"` + serverKey + `"}`), o.ask("document %s %s", key, version)
}

// withMeasures adds the measures and the history of o.
func withMeasures(o *operator) func(*adminapi.Options) {
	return func(options *adminapi.Options) { options.Actions, options.History = adminapi.Measures(o), o }
}

func TestMeasures(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		status             int
		says, asked        string
	}{
		{"POST", "accept", `{"reason":"archived on purpose"}`, 200, `"accepted": "abc123"`, "accept shop"},
		{"POST", "accept", ``, 200, `"environment": "shop"`, "accept shop"},
		{"POST", "accept", `{"document":"x"}`, 400, "unknown field", ""},
		{"POST", "pin", `{"version":"2","for":"2h","reason":"r"}`, 200, `"sha256": "abc123"`, "pin shop 2 by ada for 2h0m0s: r"},
		{"POST", "pin", `{"for":"2h","reason":"r"}`, 400, "version says which document", ""},
		{"POST", "pin", `{"version":"2","for":"2 hours"}`, 400, "for must be a duration", ""},
		{"POST", "pin", `{"version":"2","for":2}`, 400, "for must be a text", ""},
		{"POST", "pin", `{"version":"2","until":"2h"}`, 400, "unknown field", ""},
		{"DELETE", "pin", ``, 200, `"ended": "pin"`, "end pin shop"},
		{"POST", "rollback", `{"for":"30m","reason":"r"}`, 200, `"sha256": "abc123"`, "rollback shop by ada for 30m0s: r"},
		{"PUT", "overrides/gift%20cards", `{"enabled":false,"value":"x","for":"1h","reason":"r"}`, 200, `"feature": "gift cards"`, `override shop gift cards false "x" by ada for 1h0m0s: r`},
		{"PUT", "overrides/a", `{"enabled":true,"for":"1h","reason":"r"}`, 200, `"enabled": true`, `override shop a true  by ada for 1h0m0s: r`},
		{"PUT", "overrides/a", `{"value":"x","for":"1h","reason":"r"}`, 400, "enabled says whether", ""},
		{"PUT", "overrides/a", `{"enabled":true,"value":{},"for":"1h","reason":"r"}`, 400, "write JSON as a text", ""},
		{"PUT", "overrides/a", `{"enabled":"yes"}`, 400, "enabled", ""},
		{"DELETE", "overrides/a", ``, 200, `"ended": "override"`, "end override shop a"},
	} {
		t.Run(tt.method+" "+tt.path+" "+tt.body, func(t *testing.T) {
			o := &operator{}
			a := serve(t, newProxy("shop"), withMeasures(o))
			target := "/environments/shop/" + tt.path
			a.do(tt.method, target, tt.body).want(t, 401)
			if len(o.asked) != 0 {
				t.Errorf("asked without the token: %v", o.asked)
			}
			a.do(tt.method, target, tt.body, "Authorization", "Bearer "+token, "X-Author", "ada").want(t, tt.status, tt.says)
			if got := strings.Join(o.asked, "; "); got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
			if log := a.log.String(); !strings.Contains(log, "admin_action action=") || !strings.Contains(log, "author=ada") || !strings.Contains(log, "client_side_key=shop") {
				t.Errorf("logged: %s", log)
			}
			asked := len(o.asked)
			readOnly := serve(t, newProxy("shop"), withMeasures(o), func(o *adminapi.Options) {
				o.Policy = func() adminapi.Policy { return adminapi.Policy{Token: token, ReadOnly: true} }
			})
			readOnly.do(tt.method, target, tt.body, "Authorization", "Bearer "+token).want(t, 404)
			if len(o.asked) != asked {
				t.Errorf("asked though read-only: %v", o.asked)
			}
		})
	}
}

func TestMeasuresThatFail(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		says   string
	}{
		{app.ErrNothingHeldBack, http.StatusConflict, "no document of this environment is held back"},
		{app.ErrUnknownEnvironment, http.StatusNotFound, "/status.json lists"},
		{app.ErrNoSuchVersion, http.StatusNotFound, "no such document"},
		{app.ErrNoSuchMeasure, http.StatusNotFound, "no such measure"},
		{app.ErrUnknownFeature, http.StatusNotFound, "no feature of that name"},
		{app.ErrDuration, http.StatusBadRequest, "at most 24h"},
		{app.ErrReason, http.StatusBadRequest, "needs a reason"},
		{app.ErrNoDocument, http.StatusConflict, "has arrived yet"},
		{app.ErrTooManyOverrides, http.StatusConflict, "100 overrides"},
		{ports.ErrConflict, http.StatusConflict, "try again"},
		{fmt.Errorf("%w: no route", ports.ErrUnavailable), http.StatusServiceUnavailable, "the store does not answer"},
		{errors.New("no disk for " + serverKey), http.StatusInternalServerError, "the log says why"},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			a := serve(t, newProxy("shop"), withMeasures(&operator{err: tt.err}))
			for method, path := range map[string]string{"POST": "rollback", "PUT": "overrides/a", "DELETE": "pin"} {
				body := map[string]string{"POST": `{}`, "PUT": `{"enabled":true}`, "DELETE": ""}[method]
				a.do(method, "/environments/shop/"+path, body, "Authorization", "Bearer "+token).want(t, tt.status, tt.says)
			}
			if tt.err != app.ErrUnknownEnvironment {
				a.get("/environments/shop/document?version=1").want(t, tt.status, "")
			}
			a.get("/environments/shop/history").want(t, tt.status, "")
			if strings.Contains(a.log.String(), serverKey) {
				t.Errorf("logged: %s", a.log)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	o := &operator{}
	a := serve(t, newProxy("shop"), withMeasures(o))
	a.get("/environments/shop/history").want(t, 200, `"version": 0`, `"updated": "2026-03-01T12:00:00Z"`)
	got := a.get("/environments/shop/document?version=3")
	got.want(t, 200, `"secret"`)
	if strings.Contains(got.body, serverKey) || got.header.Get("ETag") != `"`+strings.Repeat("a", 32)+`"` {
		t.Errorf("the document: %v %s", got.header, got.body)
	}
	a.get("/environments/nope/document?version=3").want(t, 404)
	if strings.Join(o.asked, "; ") != "history shop; document shop 3" {
		t.Errorf("asked %q", o.asked)
	}
}

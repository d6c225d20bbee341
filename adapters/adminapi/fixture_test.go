package adminapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	token     = "a-token-of-operators"
	serverKey = "ser.a_server_side_key_that_nobody_may_see"
)

// now is the moment of all statuses here.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// proxy is an Application whose status a test decides.
type proxy struct {
	status   app.Status
	snapshot *app.Snapshot
	recent   *app.Recent
}

func (p *proxy) Status() app.Status      { return p.status }
func (p *proxy) Snapshot() *app.Snapshot { return p.snapshot }
func (p *proxy) Recent() *app.Recent     { return p.recent }

// newProxy returns a proxy that serves environments, each with a document, in a status
// without any trouble.
func newProxy(environments ...domain.EnvironmentKey) *proxy {
	p := &proxy{recent: app.NewRecent(func() time.Time { return now })}
	p.status = app.Status{
		At: now, Started: now.Add(-time.Hour), Node: "node-1", Readiness: app.ReadinessStatus{State: app.Ready, LastUpdate: now.Add(-3 * time.Second)},
		Limit: 40 * time.Second, PollInterval: 10 * time.Second,
		Upstream: app.UpstreamStatus{State: app.UpstreamOK, Since: now.Add(-time.Hour), LastSuccess: now.Add(-3 * time.Second)},
		Store:    app.StoreStatus{Up: true},
		Fleet:    app.FleetStatus{Nodes: []app.NodeStatus{{Name: "node-1", Version: "v1.2.3", ConfigHash: "9f2c", Ready: true, Seen: now}}},
	}
	var keys []domain.EnvironmentKeys
	served := map[domain.EnvironmentKey]*app.Environment{}
	for _, key := range environments {
		keys = append(keys, domain.EnvironmentKeys{Client: key, Server: []domain.Credential{domain.NewCredential(domain.NewServerKey(serverKey+string(key)), time.Time{})}})
		body := fmt.Appendf(nil, `{"api_key":%q,"webhook":{"secret":%q}}`, key, serverKey)
		served[key] = &app.Environment{Key: key, Body: body, UpdatedAt: now.Add(-time.Minute), Digest: sha256.Sum256(body)}
		p.status.Environments = append(p.status.Environments, app.EnvironmentStatus{
			Key: key, Origin: app.OriginConfigured, State: app.EnvironmentFresh, Confirmed: now.Add(-3 * time.Second), Updated: now.Add(-time.Minute),
			Served: now.Add(-50 * time.Second), Via: app.ViaPoll, Digest: served[key].Digest, Bytes: len(body), Lease: app.LeaseThisNode,
			Facts: app.Facts{Name: "Environment " + string(key), Project: "Shop", Features: 2, Segments: 1},
		})
	}
	p.snapshot = app.NewSnapshot(domain.NewKeyRing(keys), served, func() time.Time { return now })
	return p
}

// poll is a request to upstream that ended in an outcome.
func poll(o ports.Outcome) app.Poll {
	return app.Poll{At: now.Add(-2 * time.Second), Took: 30 * time.Millisecond, Via: app.ViaPoll, Outcome: o}
}

// unreachable has upstream fail for some time.
func (p *proxy) unreachable(o ports.Outcome, since time.Duration) {
	last := poll(o)
	p.status.Upstream = app.UpstreamStatus{State: app.UpstreamFailing, Since: now.Add(-since), Failures: 37, LastFailure: &last, LastSuccess: now.Add(-since), Polls: []app.Poll{last}}
	for i := range p.status.Environments {
		e := &p.status.Environments[i]
		e.Failures, e.LastFailure, e.Confirmed = 37, &last, now.Add(-since)
		if since > p.status.Limit {
			e.State = app.EnvironmentStale
		}
	}
	if since > p.status.Limit {
		p.status.Readiness = app.ReadinessStatus{State: app.DocumentStale, LastUpdate: now.Add(-since), Reasons: []app.Reason{{Code: app.DocumentStale, Environment: p.status.Environments[0].Key, For: since - p.status.Limit}}}
	}
}

// api is an interface under test.
type api struct {
	*adminapi.API
	log *bytes.Buffer
}

// serve returns the interface of p on a loopback address, with the token, but for what
// change does.
func serve(t *testing.T, p *proxy, change ...func(*adminapi.Options)) api {
	t.Helper()
	log := &bytes.Buffer{}
	o := adminapi.Options{
		Application: p, Loopback: true, Host: "127.0.0.1", Policy: func() adminapi.Policy { return adminapi.Policy{Token: token} },
		Node: adminapi.Node{
			Version: "v1.2.3", Commit: "abc", Date: "2026-01-02", Upstream: "https://edge.example/api/v1", UpstreamName: "Flagsmith", Store: "memory:",
		},
		Logger: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return now },
	}
	for _, c := range change {
		c(&o)
	}
	a, err := adminapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return api{a, log}
}

// response is an answer.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends a request. headers are names and values in turn; Host is one of them.
func (a api) do(method, target, body string, headers ...string) response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8001"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	answer := w.Result()
	text, _ := io.ReadAll(answer.Body)
	return response{answer.StatusCode, answer.Header, string(text)}
}

func (a api) get(target string, headers ...string) response {
	return a.do(http.MethodGet, target, "", headers...)
}

// want fails the test unless the answer has a status and its body contains texts.
func (r response) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("got %d %s, want %d", r.status, r.body, status)
	}
	for _, text := range texts {
		if !strings.Contains(r.body, text) {
			t.Errorf("%q is not in %s", text, r.body)
		}
	}
}

// json returns the body as a JSON object.
func (r response) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

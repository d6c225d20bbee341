package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const adminToken = "a_token_for_the_tests"

// acting starts a proxy with a token, and returns it with its configuration and the
// address of its admin listener.
func acting(t *testing.T) (proxy *harness.Proxy, config map[string]any, admin string) {
	t.Helper()
	config = serving(t, map[string]any{"token": adminToken})
	o := harness.StartOperated(t, harness.Setup{Config: config})
	return o.Proxy, config, o.Admin
}

func command(t *testing.T, config map[string]any, args ...string) harness.Result {
	t.Helper()
	return harness.Run(t, harness.Setup{Config: config, Args: args})
}

// A drained node is not ready, answers all the same, and is ready again after undrain.
func TestDrainAndUndrain(t *testing.T) {
	t.Parallel()
	proxy, config, admin := acting(t)
	var failed, asked atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			next := time.NewTicker(10 * time.Millisecond)
			defer next.Stop()
			for {
				select {
				case <-stop:
					return
				case <-next.C:
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+"/api/v1/flags/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("X-Environment-Key", clientKey)
				answer, err := client.Do(r)
				asked.Add(1)
				if err != nil || answer.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err == nil {
					_ = answer.Body.Close()
				}
			}
		})
	}
	expectReady := func(status int) {
		t.Helper()
		if got, body := ask(t, "GET", proxy.URL+"/proxy/health/readiness"); got != status {
			t.Errorf("readiness %d %s, want %d", got, body, status)
		}
		if got, _ := ask(t, "GET", admin+"/readyz"); got != status {
			t.Errorf("/readyz %d, want %d", got, status)
		}
	}
	for range 3 {
		got := command(t, config, "drain", "--for", "1h", "--reason", "a drill")
		if got.Code != 0 || !strings.HasPrefix(got.Stdout, "draining until 20") {
			t.Fatalf("drain: %+v", got)
		}
		expectReady(http.StatusServiceUnavailable)
		if !closes(t, proxy.URL) {
			t.Error("an answer does not ask its client to reconnect")
		}
		if got = command(t, config, "undrain"); got.Code != 0 || got.Stdout != "in service again\n" {
			t.Fatalf("undrain: %+v", got)
		}
		expectReady(http.StatusOK)
		if closes(t, proxy.URL) {
			t.Error("after undrain, an answer asks its client to reconnect")
		}
	}
	close(stop)
	clients.Wait()
	if failed.Load() > 0 || asked.Load() == 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
	if got := command(t, config, "undrain", "--json"); got.Code != 0 || !strings.Contains(got.Stdout, `"was": false`) {
		t.Errorf("undrain of a node that is not drained: %+v", got)
	}
	if event := proxy.WaitEvent(t, time.Second, "admin_action"); event.Text("action") != "drain" || event.Text("reason") != "a drill" {
		t.Errorf("logged %v", event)
	}
}

// closes asks for flags and reports whether the answer is the last on its connection.
func closes(t *testing.T, address string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/v1/flags/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Environment-Key", clientKey)
	answer, err := (&http.Transport{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.Close
}

// A drain ends by itself, and a shutdown is not kept up by it.
func TestDrainEnds(t *testing.T) {
	t.Parallel()
	proxy, config, _ := acting(t)
	if got := command(t, config, "drain", "--for", "50ms"); got.Code != 0 {
		t.Fatalf("drain: %+v", got)
	}
	proxy.WaitEvent(t, 10*time.Second, "drain_ended")
	proxy.WaitReady(t)
	for _, wrong := range []string{"0s", "-1m", "25h"} {
		got := command(t, config, "drain", "--for", wrong)
		if got.Code != 1 || !strings.Contains(got.Stderr, "at most 24h") {
			t.Errorf("drain for %s: %+v", wrong, got)
		}
	}
	if got := command(t, config, "drain", "--for", "soon"); got.Code != 2 {
		t.Errorf("drain for soon: %+v", got)
	}
}

// A refresh prints what came of it.
func TestRefresh(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	put := func(updated string) map[string]any {
		document := fmt.Appendf(nil, `{"api_key":%q,"name":"Shop","updated_at":%q,"feature_states":[],"project":{"name":"All","segments":[]}}`, clientKey, updated)
		return upstream.Serve(t, fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document})
	}
	config := put("2026-01-02T03:04:05+00:00")
	config["admin"] = map[string]any{"port": harness.FreePort(t), "token": adminToken}
	config["api_poll_frequency_seconds"] = 3600
	harness.StartProxy(t, harness.Setup{Config: config}).WaitReady(t)

	expect := func(code int, args []string, want ...string) {
		t.Helper()
		got := command(t, config, append([]string{"refresh"}, args...)...)
		for _, text := range want {
			if got.Code != code || !strings.Contains(got.Stdout+got.Stderr, text) {
				t.Errorf("refresh %v: want %d, %q, got %+v", args, code, text, got)
			}
		}
	}
	// The poll after a new document is unconditional.
	expect(0, nil, clientKey+": ok; serves the document of 2026-01-02T03:04:05Z")
	put("2026-02-02T03:04:05+00:00")
	expect(0, []string{"--environment", clientKey}, clientKey+": ok, changed; serves the document of 2026-02-02T03:04:05Z")
	expect(1, []string{"--environment", "another"}, "404", "does not serve an environment")
	if err := upstream.Fail(t.Context(), fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 403}); err != nil {
		t.Fatal(err)
	}
	expect(1, nil, clientKey+": forbidden (the server-side key is wrong")
	got := command(t, config, "refresh", "--json")
	var parsed struct {
		Environments []struct{ Environment, Outcome, Cause string }
	}
	if err := json.Unmarshal([]byte(got.Stdout), &parsed); err != nil || len(parsed.Environments) != 1 || parsed.Environments[0].Outcome != "forbidden" {
		t.Errorf("%v: %+v", err, got)
	}
}

// Without the right token nothing happens, and nobody sees the token.
func TestActionsNeedTheToken(t *testing.T) {
	t.Parallel()
	proxy, config, admin := acting(t)
	for _, test := range []struct {
		admin map[string]any
		code  int
		want  string
	}{
		{map[string]any{"port": 0}, 2, "admin.port is 0"},
		{map[string]any{"port": config["admin"].(map[string]any)["port"]}, 2, "set admin.token"},
		{map[string]any{"port": 0, "token": adminToken}, 2, "admin.port is 0"},
		{map[string]any{"port": config["admin"].(map[string]any)["port"], "token": "another_token"}, 1, "answered 401"},
	} {
		other := map[string]any{"api_url": config["api_url"], "environment_key_pairs": config["environment_key_pairs"], "admin": test.admin}
		if got := command(t, other, "drain"); got.Code != test.code || !strings.Contains(got.Stderr, test.want) {
			t.Errorf("want %d, %q, got %+v", test.code, test.want, got)
		}
	}
	if status, _ := ask(t, "GET", proxy.URL+"/proxy/health/readiness"); status != http.StatusOK {
		t.Errorf("readiness %d", status)
	}
	if got := command(t, config, "drain", "--admin", admin, "--json"); got.Code != 0 || !strings.Contains(got.Stdout, `"draining": true`) {
		t.Errorf("with the token: %+v", got)
	}
	if got := command(t, config, "drain", "--admin", "127.0.0.1"); got.Code != 2 {
		t.Errorf("with a wrong address: %+v", got)
	}
	if got := command(t, config, "drain", "--admin", "http://"+proxy.Address); got.Code != 1 || !strings.Contains(got.Stderr, "not an admin listener") {
		t.Errorf("with the port of applications: %+v", got)
	}
}

package discovery_test

import (
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

// A list that cannot be had or used leaves everything as it is, makes the proxy
// unready once the grace is over, and is logged with a likely cause.
func TestWhatIsNoListWipesNothing(t *testing.T) {
	t.Parallel()
	body := func(text string) fakeflagsmith.Failure {
		return fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: text}
	}
	status := func(code int) fakeflagsmith.Failure {
		return fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: code}
	}
	w := newWorld(t)
	w.lists(environment("a"), environment("b"))
	p := w.proxy(map[string]any{
		"api_poll_frequency_seconds": 0.05,
		"health_check":               map[string]any{"environment_update_grace_period_seconds": 0.1},
	})
	p.WaitReady(t)
	end := w.steady(p, "a", origin.ServerKey("a"))
	for name, failure := range map[string]fakeflagsmith.Failure{
		"rejected": status(403), "unauthorized": status(401), "a fault": status(500), "not found": status(404),
		"null": body("null"), "an object": body("{}"), "nothing": body(""), "a web page": body("<html>"), "cut off": body(`[{"client_side_key":`),
		"an entry without keys": body(`[{"client_side_key":"a"}]`), "keys of another form": body(`[{"client_side_key":"a","server_side_keys":[{"key":"new.a","active":true}]}]`),
		"reset": {Kind: fakeflagsmith.FailReset},
	} {
		if err := w.Fail(fakeflagsmith.ProxyConfig, failure); err != nil {
			t.Fatal(err)
		}
		before := w.Counters()[fakeflagsmith.ProxyConfig].Requests
		w.await(name+": the proxy turns unready", func() bool {
			return w.Counters()[fakeflagsmith.ProxyConfig].Requests > before+1 && w.client.Readiness(t, p.URL).Status == http.StatusServiceUnavailable
		})
		if r := w.client.Readiness(t, p.URL); r.Reason != "environment document(s) stale." || r.LastUpdate.IsZero() {
			t.Errorf("%s: readiness %+v", name, r)
		}
		for _, client := range []string{"a", "b"} {
			if !w.serves(p, client, origin.ServerKey(client)) {
				t.Errorf("%s: %s is not served any more", name, client)
			}
		}
		if err := w.Fail(fakeflagsmith.ProxyConfig); err != nil {
			t.Fatal(err)
		}
		w.await(name+": the proxy is ready again", func() bool { return w.client.Readiness(t, p.URL).Status == http.StatusOK })
	}
	end()
	causes := 0
	for _, e := range p.Events() {
		if e.Named("error_discovering_environments") && e.Text("cause") != "" {
			causes++
		}
	}
	if causes < 8 {
		t.Errorf("only %d failures were logged with a cause", causes)
	}
}

// A proxy key that was never good: what is configured is served, and the proxy is not
// ready, since it knows nothing of what else it is to serve.
func TestARejectedProxyKeyFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists(environment("listed"))
	w.Serve(t, "configured", origin.Document("configured", start(), "value-of-configured", ""))
	p := w.proxy(map[string]any{"proxy_key": "a-wrong-key-of-a-proxy", "environment_key_pairs": origin.Config("", "configured")["environment_key_pairs"]})
	w.await("what is configured is served", func() bool { return w.serves(p, "configured", origin.ServerKey("configured")) })
	failed := p.WaitEvent(t, patience, "error_discovering_environments")
	if failed.Text("cause") == "" {
		t.Errorf("logged without a likely cause: %v", failed)
	}
	if r := w.client.Readiness(t, p.URL); r.Status != http.StatusServiceUnavailable || !r.LastUpdate.IsZero() {
		t.Errorf("readiness %+v", r)
	}
	// The key may still become known, and SDKs stop asking after a 401.
	if status, body, err := w.client.Flags(p.URL, "listed"); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("a key that was not listed yet: %d %s (%v)", status, body, err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists(environment("a"), environment("b", key(origin.ServerKey("b")), key(origin.ServerKey("b-gone"))))
	w.Serve(t, "b", origin.Document("b", start(), "value-of-b", ""))
	validate := func(more map[string]any, args ...string) harness.Result {
		return harness.Run(t, harness.Setup{Config: w.config(more), Args: append([]string{"validate"}, args...)})
	}
	expect := func(r harness.Result, code int, parts ...string) {
		t.Helper()
		if r.Code != code {
			t.Errorf("exit code %d, want %d\n%s%s", r.Code, code, r.Stdout, r.Stderr)
		}
		for _, part := range parts {
			if !contains(r.Stdout+r.Stderr, part) {
				t.Errorf("it does not say %q:\n%s%s", part, r.Stdout, r.Stderr)
			}
		}
	}
	expect(validate(nil), 0, "configuration valid: 0 environment(s)")
	expect(validate(nil, "--fetch"), 1, "proxy_key: ok, 2 environment(s)", "a with ser.…of-a: ok", "b with ser.…of-b: ok", "b with ser.…gone: failed")
	w.lists(environment("a"))
	expect(validate(nil, "--fetch"), 0, "proxy_key: ok, 1 environment(s)", "a with ser.…of-a: ok")
	expect(validate(map[string]any{"proxy_key": "a-wrong-key-of-a-proxy"}, "--fetch"), 1, "proxy_key: failed", "403")
	expect(validate(map[string]any{"api_url": "file://" + t.TempDir()}), 2, "proxy_key", "directory")
}

package admin_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// shopWith returns the shop's environment with that number of features, all of them on.
func shopWith(t *testing.T, features int, updatedAt time.Time) fakeflagsmith.Environment {
	t.Helper()
	states := []any{}
	for i := range features {
		states = append(states, map[string]any{
			"django_id": i + 1, "enabled": true, "feature_state_value": "from Flagsmith",
			"feature": map[string]any{"id": i + 1, "name": fmt.Sprint("feature_", i), "type": "STANDARD"},
		})
	}
	document, err := json.Marshal(map[string]any{
		"api_key": clientKey, "name": "Shop", "updated_at": updatedAt.UTC().Format(time.RFC3339Nano), "feature_states": states,
		"project": map[string]any{"name": "All", "segments": []any{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document}
}

// A document that removes most features is held back until an operator accepts it, and
// the node stays ready.
func TestDocumentGuard(t *testing.T) {
	t.Parallel()
	const token = "token_for_operators"
	port := harness.FreePort(t)
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shopWith(t, 12, time.Now().Add(-time.Hour)))
	config["admin"] = map[string]any{"port": port, "token": token}
	config["api_poll_frequency_seconds"] = 0.2
	config["document_guard"] = map[string]any{"mode": "hold"}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	admin := "http://127.0.0.1:" + strconv.Itoa(port)
	accept := func(more ...string) harness.Result {
		return harness.Run(t, harness.Setup{Args: append([]string{"accept", clientKey, "--admin", admin, "--author", "ada", "--reason", "a drill"}, more...), Env: map[string]string{"ADMIN_TOKEN": token}})
	}
	if got := accept(); got.Code != 1 || !strings.Contains(got.Stderr, "no document of this environment is held back") {
		t.Errorf("accept before there is one: %+v", got)
	}
	if err := upstream.PutEnvironment(t.Context(), shopWith(t, 2, time.Now())); err != nil {
		t.Fatal(err)
	}
	event := proxy.WaitEvent(t, 10*time.Second, "suspicious_document")
	if event.Text("reason") != "10 of 12 features removed" {
		t.Errorf("logged %v", event)
	}
	status := func() string { _, body := ask(t, "GET", admin+"/status.json"); return body }
	wait.Until(t, 10*time.Second, "a document that is held back", func() bool { return strings.Contains(status(), `"until": "`) })
	if body := status(); !strings.Contains(body, `"features": 12`) || !strings.Contains(body, `"ready": true`) || !strings.Contains(body, "held back until") {
		t.Errorf("status: %s", body)
	}
	if _, body := ask(t, "GET", admin+"/environments/"+clientKey, "Accept", "text/html"); !strings.Contains(body, "10 of 12 features removed") {
		t.Errorf("the page: %s", body)
	}
	if got := accept("--json"); got.Code != 0 || !strings.Contains(got.Stdout, `"accepted": "`) {
		t.Errorf("accept: %+v", got)
	}
	wait.Until(t, 10*time.Second, "the accepted document", func() bool { return strings.Contains(status(), `"features": 2`) })
	proxy.WaitEvent(t, time.Second, "suspicious_document_accepted")
	if event := proxy.WaitEvent(t, time.Second, "admin_action", func(e harness.Event) bool { return e.Text("result") == "done" }); event.Text("author") != "ada" || event.Text("reason") != "a drill" {
		t.Errorf("logged %v", event)
	}
}

package doctor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// With --against api, answers of the running proxy are compared with those of the API.
// Another proxy, which has a newer document than the first one later, is the API here.
func TestAnswersAgainstTheAPI(t *testing.T) {
	t.Parallel()
	segment := `{"id":5,"name":"s","feature_states":[{"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"pro","feature_segment":{"priority":1}}],
		"rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"EQUAL","property_":"plan","value":"pro"}]}]}`
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shop(document(clientKey, segment)))
	api := harness.StartProxy(t, harness.Setup{Config: with(config, "api_poll_frequency_seconds", 0.1)})
	api.WaitReady(t)
	config["api_url"] = api.URL + "/api/v1"
	config["api_poll_frequency_seconds"] = 3600
	config["server"] = map[string]any{"host": "127.0.0.1", "port": harness.FreePort(t)}
	setup := harness.Setup{Config: config}

	none, code := examine(t, setup, "--against", "api")
	if got := none.result("X1"); got.Status != "failure" || code != 1 || got.Fix == "" {
		t.Errorf("without a running proxy: exit code %d, %+v", code, got)
	}
	harness.StartProxy(t, setup).WaitReady(t)
	same, code := examine(t, setup, "--against", "api")
	if got := same.result("X1"); got.Status != "ok" || code != 0 || !strings.Contains(fmt.Sprint(got.Found), "20 identities get the same flags") {
		t.Errorf("exit code %d, %+v", code, got)
	}
	if plain, _ := examine(t, setup); plain.result("X1").ID != "" {
		t.Error("compared without having been asked")
	}

	changed := strings.Replace(strings.Replace(string(document(clientKey, segment)), `"fast"`, `"slow"`, 1), "2026-01-02", "2026-01-03", 1)
	upstream.Serve(t, shop([]byte(changed)))
	api.WaitEvent(t, patience, "environment_updated")
	other, code := examine(t, setup, "--against", "api")
	if got := other.result("X1"); got.Status != "failure" || code != 1 || !strings.Contains(fmt.Sprint(got.Found), "gets other flags from the API: checkout") {
		t.Errorf("with another document: exit code %d, %+v", code, got)
	}
	usage := harness.Run(t, harness.Setup{Config: config, Args: []string{"doctor", "--against", "store"}})
	if usage.Code != 2 || !strings.Contains(usage.Stderr, "--against") {
		t.Errorf("%+v", usage)
	}
}

package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// What is only there with a setting, or after something has happened, is there then.
func TestOptionalMetrics(t *testing.T) {
	t.Parallel()
	const token = "a_token_for_the_tests"
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(time.Now().Add(-time.Hour), 0))
	config["api_poll_frequency_seconds"] = 1
	config["realtime_url"] = upstream.URL
	config["max_document_bytes"] = 2000
	config["store"] = map[string]any{"url": "bolt:" + filepath.Join(t.TempDir(), "documents.db")}
	config["events"] = map[string]any{"url": upstream.URL}
	config["admin"] = map[string]any{"token": token}
	n := start(t, config)

	families := n.scrape(t)
	if got := find(families["edge_proxy_store_bytes"]).GetGauge().GetValue(); got < 4096 {
		t.Errorf("the file of the store has %v bytes", got)
	}
	for _, kind := range []string{"analytics", "events"} {
		if find(families["edge_proxy_report_pending"], "kind", kind) == nil || find(families["edge_proxy_report_sent_total"], "kind", kind) == nil {
			t.Errorf("there are no reports of %s: %v", kind, families["edge_proxy_report_pending"])
		}
	}
	if families["edge_proxy_admin_actions_total"] != nil {
		t.Errorf("before any action there are %v", families["edge_proxy_admin_actions_total"])
	}

	for _, body := range []string{`{"for":"1ms"}`, `{"for":"never"}`} {
		post(t, n.Admin+"/drain", body, token)
	}
	post(t, n.Admin+"/drain", `{}`, "another token") // not an action
	wait.ForSuccess(t, harness.StartTimeout, "an event of the stream", func() error {
		if _, err := upstream.Emit(t.Context(), clientKey, fmt.Sprintf(`{"updated_at": %d}`, time.Now().Unix())); err != nil {
			return err
		}
		if got := find(n.scrape(t)["edge_proxy_upstream_stream_events_total"]).GetCounter().GetValue(); got == 0 {
			return fmt.Errorf("there are none")
		}
		return nil
	})
	large := environment(time.Now(), 0)
	large.Document = []byte(strings.Replace(string(large.Document), `"name":"Shop"`, `"name":"`+strings.Repeat("a", 3000)+`"`, 1))
	if err := upstream.PutEnvironment(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	wait.ForSuccess(t, harness.StartTimeout, "a document that is too large", func() error {
		if got := find(n.scrape(t)["edge_proxy_document_refused_total"], "reason", "too_large").GetCounter().GetValue(); got == 0 {
			return fmt.Errorf("none was refused")
		}
		return nil
	})

	families = n.scrape(t)
	for result, want := range map[string]float64{"done": 1, "refused": 1, "failed": 0} {
		if got := find(families["edge_proxy_admin_actions_total"], "action", "drain", "result", result).GetCounter().GetValue(); got != want {
			t.Errorf("%v actions were %s, want %v", got, result, want)
		}
	}
	if got := find(families["edge_proxy_upstream_stream_reconnects_total"]); got == nil || got.GetCounter().GetValue() != 0 {
		t.Errorf("the reconnects are %v, want 0", got)
	}
}

// post sends an action.
func post(t *testing.T, url, body, token string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.StartTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}

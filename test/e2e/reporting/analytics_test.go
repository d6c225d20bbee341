package reporting_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	countsPath      = "/api/v1/analytics/flags/"
	evaluationsPath = "/api/v2/analytics/flags/"
)

// counts returns the counts that upstream has taken, by environment and feature.
func (w world) counts(t *testing.T) map[string]int64 {
	t.Helper()
	sum := map[string]int64{}
	for _, r := range w.requests(t, fakeflagsmith.AnalyticsV1) {
		var body map[string]int64
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
			t.Fatalf("%s: %v", r.Body, err)
		}
		if r.Status == http.StatusOK {
			for feature, n := range body {
				sum[r.Header.Get("X-Environment-Key")+" "+feature] += n
			}
		}
	}
	return sum
}

func TestCountsAreForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	p := start(t, w.config(), "one", "two")
	for _, c := range [][2]string{
		{"one", `{"checkout":3,"search":1,"unknown":9}`}, {"one", `{"checkout":2,"search":"x","other":1.5}`},
		{serverKey("one"), `{"checkout":1}`}, {"two", `{"search":4}`}, {"two", `{"search":-4}`},
	} {
		if status, body := ask(t, http.MethodPost, p.URL+countsPath, c[1], c[0]); status != http.StatusOK || body != "" {
			t.Errorf("%d %s", status, body)
		}
	}
	for _, body := range []string{"null", "[]", "{", ""} {
		if status, answer := ask(t, http.MethodPost, p.URL+countsPath, body, "one"); status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, status, answer)
		}
	}
	stop(t, p)
	if got, want := w.counts(t), (map[string]int64{"one checkout": 6, "one search": 1, "two search": 4}); !maps.Equal(got, want) {
		t.Errorf("forwarded %v, want %v", got, want)
	}
	if strings.Contains(p.Output(), serverKey("one")) {
		t.Error("a server-side key is in the log")
	}
	if n := len(w.requests(t, fakeflagsmith.AnalyticsV1)); n != 2 {
		t.Errorf("%d requests, want one for each environment", n)
	}
}

func TestEvaluationsAreForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.config()
	c["analytics"] = map[string]any{"flush_interval_seconds": 0.1}
	w.fail(t, fakeflagsmith.AnalyticsV2, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, Times: 2})
	p := start(t, c, "one")
	const body = `{"evaluations":[{"feature_name":"checkout","identity_identifier":"me","enabled_when_evaluated":true,"count":2},` +
		`{"feature_name":"search","identity_identifier":null,"enabled_when_evaluated":false,"count":1},{"feature_name":"unknown","enabled_when_evaluated":false,"count":1}]}`
	for range 2 {
		if status, answer := ask(t, http.MethodPost, p.URL+evaluationsPath, body, "one"); status != http.StatusNoContent || answer != "" {
			t.Errorf("%d %s", status, answer)
		}
	}
	stop(t, p)
	type evaluation struct {
		Feature  string  `json:"feature_name"`
		Identity *string `json:"identity_identifier"`
		Enabled  bool    `json:"enabled_when_evaluated"`
		Count    int64   `json:"count"`
	}
	var checkout, search int64
	for _, r := range w.requests(t, fakeflagsmith.AnalyticsV2) {
		var sent struct{ Evaluations []evaluation }
		if err := json.Unmarshal([]byte(r.Body), &sent); err != nil {
			t.Fatal(err)
		}
		if r.Status != http.StatusNoContent {
			continue
		}
		for _, e := range sent.Evaluations {
			switch {
			case e.Feature == "checkout" && e.Identity != nil && *e.Identity == "me" && e.Enabled:
				checkout += e.Count
			case e.Feature == "search" && e.Identity == nil && !e.Enabled:
				search += e.Count
			default:
				t.Errorf("forwarded %+v", e)
			}
		}
	}
	if checkout != 4 || search != 2 {
		t.Errorf("forwarded %d and %d, want 4 and 2", checkout, search)
	}
}

func TestAnalyticsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Serve(t, fakeflagsmith.Environment{ClientKey: "own", ServerKeys: []string{serverKey("own")}, Document: document("own")})
	c["analytics"] = map[string]any{"enabled": false}
	p := harness.StartProxy(t, harness.Setup{Config: c})
	p.WaitReady(t)
	for _, path := range []string{countsPath, evaluationsPath} {
		if status, body := ask(t, http.MethodPost, p.URL+path, "{}", "own"); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestAnalyticsWithADirectory sees that analytics are taken and come to nothing
// without an API.
func TestAnalyticsWithADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.json"), document("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.StartProxy(t, harness.Setup{Config: map[string]any{
		"api_url": "file://" + dir, "logging": map[string]any{"log_level": "DEBUG"},
		"environment_key_pairs": []map[string]any{{"server_side_key": serverKey("own"), "client_side_key": "own"}},
	}, Env: map[string]string{"LOGGING_LOG_FORMAT": "json"}})
	p.WaitReady(t)
	for range 3 {
		if status, body := ask(t, http.MethodPost, p.URL+countsPath, `{"checkout":1}`, "own"); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	stop(t, p)
	if n := strings.Count(p.Output(), "analytics_not_forwarded"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

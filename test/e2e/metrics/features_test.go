package metrics_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// withFeatures returns an environment with that number of features, named f0, f1 and so on.
func withFeatures(features int) fakeflagsmith.Environment {
	names := make([]string, features)
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i)
	}
	return fakeflagsmith.Simple(clientKey, serverKey, "Shop", time.Now(), names...)
}

// report sends counts of features as an SDK does: each once.
func report(t *testing.T, n node, from, to int) {
	t.Helper()
	var counts []string
	for i := from; i < to; i++ {
		counts = append(counts, fmt.Sprintf(`"f%d":1`, i))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+"/api/v1/analytics/flags/", strings.NewReader("{"+strings.Join(counts, ",")+`,"made_up":1}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Environment-Key", clientKey)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("counts are answered %s", answer.Status)
	}
}

// The evaluations that applications report are a metric by feature, if that is switched on,
// with 1,000 series at most and nothing that a client made up.
func TestFeaturesAreASetting(t *testing.T) {
	t.Parallel()
	const name, features = "edge_proxy_feature_evaluations_total", 1200
	for _, on := range []bool{false, true} {
		config := harness.StartUpstream(t).Serve(t, withFeatures(features))
		config["metrics"] = map[string]any{"features": on}
		n := start(t, config)
		report(t, n, 0, features)
		report(t, n, 0, 1)
		family := n.scrape(t)[name]
		if !on {
			if family != nil {
				t.Errorf("without the setting there is %v", family)
			}
			continue
		}
		sum := 0.0
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
		if got := len(family.GetMetric()); got > 1000 || got < 900 || sum != features+1 {
			t.Errorf("%d series of %v evaluations, want at most 1,000 of %d", got, sum, features+1)
		}
		if got := find(family, "environment", clientKey, "feature", "f0").GetCounter().GetValue(); got != 2 {
			t.Errorf("f0 was evaluated %v times, want 2", got)
		}
		if rest := find(family, "environment", clientKey, "feature", "_other"); rest.GetCounter().GetValue() < 200 {
			t.Errorf("the rest is %v", rest)
		}
		if found := find(family, "feature", "made_up"); found != nil {
			t.Errorf("a feature that does not exist has the series %v", found)
		}
	}
}

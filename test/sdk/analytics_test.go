//go:build sdk

package sdk_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// testAnalytics: what an SDK counts reaches Flagsmith, each evaluation once.
func testAnalytics(t *testing.T, w *world, p *program) {
	reads := []string{changing, changing, changing, "max_cart_items", "gift_cards", "gift_cards"}
	w.countEvaluations(t, p, options{URL: w.api(), Key: clientKey, Analytics: true}, reads)
}

// testLocalAnalytics: the same for an SDK that evaluates locally, and so has a
// server-side key.
func testLocalAnalytics(t *testing.T, w *world, p *program) {
	reads := []string{"new_checkout", "fraud_score_limit", "fraud_score_limit"}
	w.countEvaluations(t, p, options{URL: w.api(), Key: serverKey, Local: true, RefreshMS: 60_000, Analytics: true}, reads)
}

// countEvaluations reads features, each for as often as it is in the list, and
// waits until Flagsmith has counted that.
func (w *world) countEvaluations(t *testing.T, p *program, o options, reads []string) {
	t.Helper()
	want := w.evaluations(t)
	for _, name := range reads {
		want[name]++
	}
	since := w.mark(t)
	client := p.open(t, o)
	if o.Local {
		w.waitLoaded(t, p, client)
	}
	p.Call(t, request{Call: "flags", Client: client, Identity: &identity{Identifier: "ada"}, Features: reads}, nil)
	p.Call(t, request{Call: "flush", Client: client}, nil)
	w.waitAccess(t, since, 1, "the SDK's analytics are accepted", answered(http.MethodPost, "analytics/flags/", http.StatusOK))
	var got map[string]int
	wait.Until(t, patience, "Flagsmith has counted them", func() bool {
		got = w.evaluations(t)
		return total(got) >= total(want)
	})
	if !maps.Equal(got, want) {
		t.Errorf("Flagsmith counted %v, want %v", got, want)
	}
}

// evaluations are those that Flagsmith accepted so far, by feature. It refuses none.
func (w *world) evaluations(t *testing.T) map[string]int {
	t.Helper()
	requests, err := w.upstream.Requests(t.Context(), fakeflagsmith.AnalyticsV1)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int{}
	for _, r := range requests {
		switch r.Status {
		case http.StatusOK:
		case 0: // still being answered
			continue
		default:
			t.Fatalf("Flagsmith refused analytics: %d to %s", r.Status, r.Body)
		}
		var counts map[string]int
		if err := json.Unmarshal([]byte(r.Body), &counts); err != nil {
			t.Fatalf("%v in %s", err, r.Body)
		}
		for name, n := range counts {
			sums[name] += n
		}
	}
	return sums
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

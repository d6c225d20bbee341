package agreement_test

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// compareMetrics compares what a scrape says of the node with its status.
func compareMetrics(t *testing.T, when string, scraped map[string]float64, s status) {
	t.Helper()
	want := map[string]float64{
		"edge_proxy_ready": truth(s.Ready), "edge_proxy_draining": truth(s.Draining), "edge_proxy_store_up": truth(s.Store.State != "down"),
	}
	for _, state := range app.ReadinessStates() {
		want[series("edge_proxy_readiness_state", "state", string(state))] = truth(s.State == string(state))
	}
	for _, state := range app.EnvironmentStates() {
		total := 0.0
		for _, e := range s.Environments {
			want[series("edge_proxy_environment_state", "environment", e.Key, "state", string(state))] = truth(e.State == string(state))
			total += truth(e.State == string(state))
		}
		want[series("edge_proxy_environments", "state", string(state))] = total
	}
	compareConfirmations(t, when, scraped, s)
	got := maps.Clone(scraped)
	maps.DeleteFunc(got, func(name string, _ float64) bool { // the others are not in the status that is read here
		family, _, _ := strings.Cut(name, "{")
		switch family {
		case "edge_proxy_ready", "edge_proxy_draining", "edge_proxy_store_up", "edge_proxy_readiness_state", "edge_proxy_environment_state", "edge_proxy_environments":
			return false
		}
		return true
	})
	if !maps.Equal(got, want) {
		t.Errorf("%s: the metrics say %v, status.json %v", when, got, want)
	}
}

// compareConfirmations compares the oldest confirmation of a document with the last update
// of a node that has all documents.
func compareConfirmations(t *testing.T, when string, scraped map[string]float64, s status) {
	t.Helper()
	oldest := math.Inf(1)
	for _, e := range s.Environments {
		confirmed, is := scraped[series("edge_proxy_document_confirmed_timestamp_seconds", "environment", e.Key)]
		if !is {
			return
		}
		oldest = min(oldest, confirmed)
	}
	at, err := time.Parse(time.RFC3339, s.LastUpdate)
	if err != nil {
		t.Fatalf("%s: every document was confirmed, and the last update is %q", when, s.LastUpdate)
	}
	if d := time.Duration((oldest - float64(at.UnixMilli())/1000) * float64(time.Second)); d < -time.Millisecond || d > 2*time.Millisecond {
		t.Errorf("%s: the oldest confirmation of the metrics differs from status.json by %v", when, d)
	}
}

// scrape returns the proxy's gauges and counters of a node by series.
func scrape(t *testing.T, n *node) map[string]float64 {
	t.Helper()
	families, err := n.metrics.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "edge_proxy_") {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName(), l.GetValue())
			}
			switch {
			case m.GetGauge() != nil:
				all[series(f.GetName(), labels...)] = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				all[series(f.GetName(), labels...)] = m.GetCounter().GetValue()
			}
		}
	}
	return all
}

// series returns the name of a series; labels are names and values in turn, in the order of
// the names.
func series(name string, labels ...string) string {
	if len(labels) == 0 {
		return name
	}
	var list []string
	for i := 0; i < len(labels); i += 2 {
		list = append(list, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	return name + "{" + strings.Join(list, ",") + "}"
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

package metrics_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	clientKey = "client_of_the_shop"
	serverKey = "ser.key_of_the_shop_4711"
)

// environment returns an environment of which upstream says, by a clock that is ahead, that
// it was changed at a time of this machine's clock.
func environment(at time.Time, ahead time.Duration) fakeflagsmith.Environment {
	e := fakeflagsmith.Simple(clientKey, serverKey, "Shop", at.Add(ahead))
	e.Ahead = ahead
	return e
}

// node is a proxy with its admin listener.
type node struct{ harness.Operated }

// start starts a proxy that is ready.
func start(t *testing.T, config map[string]any) node {
	t.Helper()
	return node{harness.StartOperated(t, harness.Setup{Config: config})}
}

// get asks a URL and returns status and body.
func get(t *testing.T, url string, header ...string) (int, []byte) {
	t.Helper()
	status, body := harness.Ask(t, http.MethodGet, url, header...)
	return status, []byte(body)
}

// scrape returns the families of a node.
func (n node) scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, n.Admin+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// find returns the series of a family that has these labels, given as name and value in
// turn; nil without one.
func find(f *dto.MetricFamily, labels ...string) *dto.Metric {
	for _, m := range f.GetMetric() {
		matches := true
		for i := 0; i < len(labels); i += 2 {
			found := false
			for _, l := range m.GetLabel() {
				found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			}
			matches = matches && found
		}
		if matches {
			return m
		}
	}
	return nil
}

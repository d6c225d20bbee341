package metrics_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
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
	return fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Ahead: ahead,
		Document: fmt.Appendf(nil, `{"api_key":%q,"name":"Shop","updated_at":%q,"feature_states":[],"project":{"name":"All","segments":[]}}`,
			clientKey, at.Add(ahead).UTC().Format(time.RFC3339Nano)),
	}
}

// node is a proxy with its admin listener.
type node struct {
	*harness.Proxy
	admin string // the URL of the admin listener
}

// start starts a proxy that is ready.
func start(t *testing.T, config map[string]any) node {
	t.Helper()
	port := harness.FreePort(t)
	config["admin"] = map[string]any{"port": port}
	n := node{harness.StartProxy(t, harness.Setup{Config: config}), "http://127.0.0.1:" + strconv.Itoa(port)}
	n.WaitReady(t)
	return n
}

// get asks a URL and returns status and body.
func get(t *testing.T, url string, header ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// scrape returns the families of a node.
func (n node) scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, n.admin+"/metrics")
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
// turn; nil: there is none.
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

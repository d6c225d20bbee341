package chart_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	rulesFile     = "../../../../docs/deploy/prometheus/rules.yaml"
	dashboardFile = "../../../../docs/deploy/grafana/edge-proxy.json"
)

// The alerts and the dashboard of a release are those of docs/deploy, with the name of the
// release as the job.
func TestTheReleaseHasTheAlertsAndTheDashboard(t *testing.T) {
	manifests, _, err := template(t, merged(t, "metrics: {prometheusRule: {enabled: true, labels: {release: prometheus}}, dashboard: {enabled: true, labels: {team: shop}}}"))
	if err != nil {
		t.Fatal(err)
	}
	schemas := loadSchemas(t)
	found := map[string]map[string]any{}
	for _, object := range objects(t, []byte(manifests)) {
		if err := problems(schemas, object); err != nil {
			t.Errorf("%v: %v", object["kind"], err)
		}
		labels, _ := object["metadata"].(map[string]any)["labels"].(map[string]any)
		if labels["release"] == "prometheus" || labels["team"] == "shop" && labels["grafana_dashboard"] == "1" {
			found[object["kind"].(string)] = object
		}
	}
	if found["PrometheusRule"] == nil || found["ConfigMap"] == nil {
		t.Fatalf("there are only %v", found)
	}
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `job="edge-proxy"`); n != 1 {
		t.Errorf("%d rules select a job", n)
	}
	var rules any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), `job="edge-proxy"`, `job="flags-edge-proxy"`)), &rules); err != nil {
		t.Fatal(err)
	}
	if got := found["PrometheusRule"]["spec"]; !reflect.DeepEqual(got, rules) {
		t.Errorf("the rules of the release are\n%v, want\n%v", got, rules)
	}
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	shipped, _ := found["ConfigMap"]["data"].(map[string]any)["edge-proxy.json"].(string)
	if err := json.Unmarshal([]byte(shipped), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the dashboard of the release differs from docs/deploy")
	}
}

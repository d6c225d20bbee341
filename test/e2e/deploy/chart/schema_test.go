package chart_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"

	"github.com/edge-proxy/edge-proxy/test/e2e/deploy/chart"
)

// objects reads the objects of a file of manifests.
func objects(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var found []map[string]any
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(content, &object); err != nil {
			t.Fatal(err)
		}
		if object != nil {
			found = append(found, object)
		}
	}
}

// problems returns what is wrong with an object by two validators: the schemas that
// Kubernetes publishes, and the types of its current client, which also know in
// which lists a name must be unique. A HTTPRoute and the objects of the Prometheus Operator
// have the types of their own clients alone.
func problems(schemas *chart.Schemas, object map[string]any) error {
	switch {
	case object["apiVersion"] == monitoring.SchemeGroupVersion.String():
		return decodeMonitoring(object)
	case object["kind"] == "HTTPRoute":
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		var route gateway.HTTPRoute
		return yaml.UnmarshalStrict(text, &route)
	}
	_, err := applyconfigurations.NewTypeConverter(scheme.Scheme).ObjectToTyped(&unstructured.Unstructured{Object: runtime.DeepCopyJSON(object)})
	return errors.Join(schemas.Validate(object), err)
}

// decodeMonitoring decodes an object of the Prometheus Operator and refuses unknown fields.
func decodeMonitoring(object map[string]any) error {
	known := map[string]any{
		monitoring.PodMonitorsKind: &monitoring.PodMonitor{}, monitoring.ServiceMonitorsKind: &monitoring.ServiceMonitor{},
		monitoring.PrometheusRuleKind: &monitoring.PrometheusRule{},
	}
	kind, _ := object["kind"].(string)
	into, is := known[kind]
	if !is {
		return fmt.Errorf("the Prometheus Operator has no %s", kind)
	}
	content, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func loadSchemas(t *testing.T) *chart.Schemas {
	t.Helper()
	schemas, err := chart.LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

func TestObjectsAreKubernetes(t *testing.T) {
	schemas := loadSchemas(t)
	files, err := filepath.Glob("testdata/golden/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, manifest) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := objects(t, text)
		if len(found) < 5 {
			t.Errorf("%s has %d objects", file, len(found))
		}
		for _, object := range found {
			if err := problems(schemas, object); err != nil {
				t.Errorf("%s: %v: %v", file, object["kind"], err)
			}
		}
	}
}

// The validators notice typical mistakes in a template.
func TestSchemasNotice(t *testing.T) {
	schemas := loadSchemas(t)
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"b"CONTAINER}]SPEC}}`
	for _, tt := range []struct{ container, spec, want string }{
		{"", "", ""},
		{`,"readynessProbe":{}`, "", "readynessProbe"},
		{`,"readinessProbe":{"httpGet":{"path":"/"}}`, "", "port"},
		{`,"ports":[{"name":"http","containerPort":"8000"}]`, "", "containerPort"},
		{`,"env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]`, "", "duplicate entries"},
		{`,"env":[{"name":"A","value":1}]`, "", "value"},
		{"", `,"securityContext":{"readOnlyRootFilesystem":true}`, "readOnlyRootFilesystem"},
		{"", `,"volumes":[{"configMap":{"name":"b"}}]`, "name"},
	} {
		var object map[string]any
		text := strings.NewReplacer("CONTAINER", tt.container, "SPEC", tt.spec).Replace(pod)
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		err := problems(schemas, object)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", text, err, tt.want)
		}
	}
	if err := problems(schemas, map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "spec": map[string]any{"parents": nil}}); err == nil {
		t.Error("a route has parentRefs, not parents")
	}
	for _, text := range []string{
		`{"apiVersion":"monitoring.coreos.com/v1","kind":"PodMonitor","spec":{"podMetricsEndpoint":[]}}`,
		`{"apiVersion":"monitoring.coreos.com/v1","kind":"PrometheusRules"}`,
	} {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		if err := problems(schemas, object); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if err := schemas.Validate(map[string]any{"apiVersion": "apps/v2", "kind": "Deployment"}); err == nil {
		t.Error("apps/v2 is nothing")
	}
}

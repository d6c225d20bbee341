//go:build deploy

//lint:file-ignore SA1019 dashboards of Grafana 10.4 have this form, and the newer one needs a later Grafana.

package alerts_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

func readFile(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// problems returns the text of an error. Without errors the model returns an empty list of them,
// which is not nil.
func problems(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The dashboard has nothing that the model does not have, all that it requires, and values
// that it allows. Its queries are those of Prometheus.
func TestTheDashboardIsOneOfGrafana(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	var d grafana.Dashboard
	if text := problems(new(grafana.Dashboard).UnmarshalJSONStrict(readFile(t))); text != "" {
		t.Fatal(text)
	}
	if err := json.Unmarshal(readFile(t), &d); err != nil { // the strict form drops the panels that it has checked
		t.Fatal(err)
	}
	if text := problems(d.Validate()); text != "" {
		t.Error(text)
	}
	queries := 0
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		for _, target := range p.Panel.Targets {
			q, ok := target.(*prometheus.Dataquery)
			if value, is := target.(prometheus.Dataquery); is {
				q, ok = &value, true
			}
			if !ok || q.Expr == "" {
				t.Errorf("%s has the query %#v", *p.Panel.Title, target)
			}
			queries++
		}
	}
	if queries == 0 {
		t.Error("there are no queries")
	}
}

// The model notices what is wrong.
func TestTheModelIsStrict(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for name, change := range map[string][2]string{
		"an unknown member":  {`"title": "Edge Proxy"`, `"title": "Edge Proxy", "made_up": 1`},
		"a wrong type":       {`"schemaVersion": 39`, `"schemaVersion": "39"`},
		"a missing member":   {`"annotations": {`, `"annotation": {`},
		"a query of nothing": {`"expr": `, `"expression": `},
	} {
		content := string(readFile(t))
		if !strings.Contains(content, change[0]) {
			t.Fatalf("%s: the dashboard has no %s", name, change[0])
		}
		var d grafana.Dashboard
		if problems(d.UnmarshalJSONStrict([]byte(strings.Replace(content, change[0], change[1], 1)))) == "" {
			t.Errorf("%s is accepted", name)
		}
	}
}

package alerts_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

const dashboardFile = docs + "deploy/grafana/edge-proxy.json"

// dashboard are the parts of the dashboard that tests read.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ H, W, X, Y int }
		Targets                  []struct{ Expr, LegendFormat string }
		FieldConfig              struct{ Defaults struct{ Unit string } }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("there are no panels")
	}
	return d
}

// notOnTheDashboard are the metrics that no panel shows, by the beginning of their names, and
// why.
func notOnTheDashboard() map[string]string {
	return map[string]string{
		"go_info":                       "edge_proxy_build_info has the version of Go",
		"go_threads":                    "for the search of a leak, which go_goroutines shows",
		"go_gc_duration_seconds":        "pauses are far below a millisecond; the time of requests shows if not",
		"go_gc_gogc_percent":            "it is a setting",
		"go_memstats_":                  "for profiling; the runtime's own metrics are more exact",
		"go_memory_classes_total_bytes": "close to process_resident_memory_bytes, which systems limit",
		"process_virtual_memory_":       "addresses are not memory",
	}
}

// Every metric is on a panel, or is not on purpose.
func TestTheDashboardShowsEveryMetric(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			used := checkQuery(t, p.Title, target.Expr)
			if len(used) == 0 {
				t.Errorf("%s reads no metric: %s", p.Title, target.Expr)
			}
			for _, name := range used {
				shown[name] = true
				if !strings.Contains(p.Description, name+": ") {
					t.Errorf("%s does not describe %s", p.Title, name)
				}
			}
		}
	}
	excused := notOnTheDashboard()
	for _, d := range metrics.Definitions() {
		excuse := ""
		for prefix := range excused {
			if strings.HasPrefix(d.Name, prefix) {
				excuse = prefix
			}
		}
		switch {
		case shown[d.Name] && excuse != "":
			t.Errorf("%s is on the dashboard, and an exception", d.Name)
		case !shown[d.Name] && excuse == "":
			t.Errorf("%s is not on the dashboard", d.Name)
		}
	}
}

// Each panel says what it shows, in which unit, and what its lines are.
func TestPanelsAreDescribed(t *testing.T) {
	for _, p := range readDashboard(t).Panels {
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("the panel %q has the unit %q, %d queries and the description %q", p.Title, p.FieldConfig.Defaults.Unit, len(p.Targets), p.Description)
		}
		for _, target := range p.Targets {
			if target.LegendFormat == "" {
				t.Errorf("%s does not name the lines of %s", p.Title, target.Expr)
			}
		}
	}
}

func TestTheDashboardIsLaidOut(t *testing.T) {
	d := readDashboard(t)
	type cell struct{ x, y int }
	taken, ids := map[cell]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the number %d", p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.X < 0 || g.W < 1 || g.X+g.W > 24 || g.H < 1 {
			t.Errorf("%s is at %+v, outside of the 24 columns", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, is := taken[cell{x, y}]; is {
					t.Fatalf("%s covers %s", p.Title, other)
				}
				taken[cell{x, y}] = p.Title
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			checkQuery(t, "the variable "+v.Name, v.Query)
		}
	}
}

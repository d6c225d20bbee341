package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// A row is a part of the dashboard with its panels from left to right.
type row struct {
	title  string
	panels []panel
}

// A panel shows what some queries return.
type panel struct {
	title   string
	kind    string // of Grafana: timeseries, or stat for the present value
	unit    string // of Grafana
	queries []query
}

// A query is in PromQL, where $node stands for the selection of nodes, $environments for
// that of environments of these nodes, and $rate for the interval of rates.
type query struct {
	expr   string
	legend string // of Grafana: {{label}} is the value of a label
}

// The variables of queries as Grafana has them.
var placeholders = strings.NewReplacer(
	"$node", `job=~"$job", instance=~"$instance"`,
	"$environments", `job=~"$job", instance=~"$instance", environment=~"$environment"`,
	"$rate", "$__rate_interval",
)

const (
	widthOfAll  = 24 // of Grafana's grid
	panelWidth  = 8
	statWidth   = 4
	panelHeight = 7
	statHeight  = 4
	// schemaVersion is the form of dashboards of Grafana 10.4 and later.
	schemaVersion = 39
)

// The dashboard as Grafana reads it, as far as its defaults do not serve.
type (
	grafana struct {
		UID           string         `json:"uid"`
		Title         string         `json:"title"`
		Description   string         `json:"description"`
		Tags          []string       `json:"tags"`
		SchemaVersion int            `json:"schemaVersion"`
		Refresh       string         `json:"refresh"`
		Time          map[string]any `json:"time"`
		Templating    templating     `json:"templating"`
		Annotations   annotations    `json:"annotations"`
		Panels        []grafanaPanel `json:"panels"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	annotations struct {
		List []any `json:"list"`
	}
	variable struct {
		Name       string         `json:"name"`
		Label      string         `json:"label"`
		Type       string         `json:"type"`
		Query      string         `json:"query"`
		Datasource *datasource    `json:"datasource,omitempty"`
		Refresh    int            `json:"refresh,omitempty"` // 2: when the time range changes
		Multi      bool           `json:"multi,omitempty"`
		IncludeAll bool           `json:"includeAll,omitempty"`
		AllValue   string         `json:"allValue,omitempty"`
		Current    map[string]any `json:"current,omitempty"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	grafanaPanel struct {
		ID          int          `json:"id"`
		Type        string       `json:"type"`
		Title       string       `json:"title"`
		Description string       `json:"description,omitempty"`
		GridPos     grid         `json:"gridPos"`
		Datasource  *datasource  `json:"datasource,omitempty"`
		Targets     []target     `json:"targets,omitempty"`
		FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
		*rowState
	}
	// rowState is what a panel that is a row has in addition.
	rowState struct {
		Collapsed bool  `json:"collapsed"`
		Panels    []any `json:"panels"` // while it is collapsed
	}
	grid struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	target struct {
		RefID        string      `json:"refId"`
		Datasource   *datasource `json:"datasource"`
		Expr         string      `json:"expr"`
		LegendFormat string      `json:"legendFormat"`
	}
	fieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
		Overrides []any `json:"overrides"`
	}
)

var prometheus = &datasource{"prometheus", "${datasource}"}

// dashboard is the whole of docs/deploy/grafana/edge-proxy.json.
func dashboard() []byte {
	g := grafana{
		UID: "edge-proxy", Title: "Edge Proxy", Tags: []string{"edge-proxy", "flagsmith"}, SchemaVersion: schemaVersion, Refresh: "30s",
		Description: "Nodes of Edge Proxy: what they serve, how fresh it is, and what they depend on.",
		Time:        map[string]any{"from": "now-3h", "to": "now"},
		Templating:  templating{variables()},
		Annotations: annotations{[]any{}},
	}
	y, id := 0, 0
	for _, r := range rows() {
		id++
		g.Panels = append(g.Panels, grafanaPanel{ID: id, Type: "row", Title: r.title, GridPos: grid{1, widthOfAll, 0, y}, rowState: &rowState{Panels: []any{}}})
		y++
		x, height := 0, 0
		for _, p := range r.panels {
			w, h := panelWidth, panelHeight
			if p.kind == "stat" {
				w, h = statWidth, statHeight
			}
			if x+w > widthOfAll || height != 0 && h != height { // the next line
				x, y = 0, y+height
			}
			id++
			g.Panels = append(g.Panels, p.grafana(id, grid{h, w, x, y}))
			x, height = x+w, h
		}
		y += height
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(g); err != nil {
		panic(err) // it has texts and numbers alone
	}
	return out.Bytes()
}

// variables are what a reader of the dashboard chooses from.
func variables() []variable {
	choice := func(name, label, metric, selector string) variable {
		return variable{
			Name: name, Label: label, Type: "query", Query: fmt.Sprintf("label_values(%s%s, %s)", metric, selector, name), Datasource: prometheus,
			Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*", Current: map[string]any{"text": "All", "value": "$__all"},
		}
	}
	return []variable{
		{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus"},
		choice("job", "Job", "edge_proxy_build_info", ""),
		choice("instance", "Node", "edge_proxy_build_info", `{job=~"$job"}`),
		choice("environment", "Environment", "edge_proxy_environment_info", `{job=~"$job", instance=~"$instance"}`),
	}
}

func (p panel) grafana(id int, at grid) grafanaPanel {
	g := grafanaPanel{ID: id, Type: p.kind, Title: p.title, Description: p.description(), GridPos: at, Datasource: prometheus, FieldConfig: &fieldConfig{Overrides: []any{}}}
	g.FieldConfig.Defaults.Unit = p.unit
	for i, q := range p.queries {
		g.Targets = append(g.Targets, target{string(rune('A' + i)), prometheus, placeholders.Replace(q.expr), q.legend})
	}
	return g
}

// description is what the catalogue says of the metrics of the panel.
func (p panel) description() string {
	var lines []string
	for _, d := range metrics.Definitions() {
		for _, q := range p.queries {
			if strings.Contains(q.expr, d.Name) && regexp.MustCompile(`\b`+d.Name+`(_bucket|_count|_sum)?\b`).MatchString(q.expr) {
				lines = append(lines, d.Name+": "+d.Help+".")
				break
			}
		}
	}
	return strings.Join(lines, "\n\n")
}

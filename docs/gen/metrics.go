package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

// metricsIntroduction is the beginning of docs/metrics.md.
//
//go:embed metrics.md
var metricsIntroduction string

// metricsPage is the whole of docs/metrics.md.
func metricsPage() []byte {
	var out strings.Builder
	out.WriteString("<!-- Written by `make docs` from adapters/metrics and docs/gen/metrics.md; changes made here are lost. -->\n\n")
	out.WriteString(metricsIntroduction)
	for _, s := range metrics.Sections() {
		fmt.Fprintf(&out, "\n## %s\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n", s.Title)
		for _, d := range s.Definitions {
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", d.Name, d.Type, labels(d), meaning(d))
		}
	}
	return []byte(out.String())
}

// labels returns the labels of a metric with their values.
func labels(d metrics.Definition) string {
	var list []string
	for _, l := range d.Labels {
		text := code(l.Name)
		if len(l.Values) > 0 {
			text += ": " + codes(l.Values)
		}
		list = append(list, text)
	}
	return strings.Join(list, "<br>")
}

// meaning returns what a metric is and when it is there.
func meaning(d metrics.Definition) string {
	text := d.Help + "."
	if d.Optional != "" {
		text += " Present " + d.Optional + "."
	}
	return text
}

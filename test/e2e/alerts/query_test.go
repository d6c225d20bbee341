package alerts_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

var (
	// metricName finds the metrics of a query, with the selector that follows. All names of the
	// catalogue begin in one of these ways. promtool checks the rest of the syntax.
	metricName = regexp.MustCompile(`\b((?:edge_proxy|http_server|go|process)_\w+)(?:\{([^{}]*)\})?`)
	matcher    = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|group_left)\s*\(([^()]*)\)`)
)

// scraped are the labels that Prometheus adds to what it scrapes, and that a histogram has.
var scraped = []string{"job", "instance", "namespace", "le"}

// catalogue returns the metrics by the names that queries use.
func catalogue() map[string]metrics.Definition {
	all := map[string]metrics.Definition{}
	for _, d := range metrics.Definitions() {
		all[d.Name] = d
		if d.Type == metrics.Histogram {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				all[d.Name+suffix] = d
			}
		}
	}
	return all
}

// checkQuery checks that the metrics of a query exist, with the labels and the values that
// it selects. It returns the metrics.
func checkQuery(t *testing.T, where, query string) (used []string) {
	t.Helper()
	known := catalogue()
	labels := slices.Clone(scraped)
	for _, found := range metricName.FindAllStringSubmatch(query, -1) {
		d, exists := known[found[1]]
		if !exists {
			t.Errorf("%s: there is no metric %s", where, found[1])
			continue
		}
		used = append(used, d.Name)
		for _, l := range d.Labels {
			labels = append(labels, l.Name)
		}
		for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
			checkMatcher(t, where, d, m[1], m[2], m[3])
		}
	}
	for _, found := range grouping.FindAllStringSubmatch(query, -1) {
		for name := range strings.SplitSeq(found[1], ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(labels, name) && strings.Contains(query, "edge_proxy_") {
				t.Errorf("%s: no metric of the query has the label %s", where, name)
			}
		}
	}
	return used
}

// checkMatcher checks one condition of a selector. A text with $ is a variable of the
// dashboard.
func checkMatcher(t *testing.T, where string, d metrics.Definition, label, operator, value string) {
	t.Helper()
	if slices.Contains(scraped, label) {
		return
	}
	i := slices.IndexFunc(d.Labels, func(l metrics.Label) bool { return l.Name == label })
	if i < 0 {
		t.Errorf("%s: %s does not have the label %s", where, d.Name, label)
		return
	}
	if len(d.Labels[i].Values) == 0 || strings.Contains(value, "$") {
		return
	}
	alternatives := []string{regexp.QuoteMeta(value)}
	if strings.HasSuffix(operator, "~") {
		alternatives = strings.Split(value, "|")
	}
	for _, a := range alternatives {
		if !slices.ContainsFunc(d.Labels[i].Values, regexp.MustCompile("^(?:"+a+")$").MatchString) {
			t.Errorf("%s: %s of %s is never %q", where, label, d.Name, a)
		}
	}
}

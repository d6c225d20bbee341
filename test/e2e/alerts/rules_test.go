package alerts_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	docs        = "../../../docs/"
	rulesFile   = docs + "deploy/prometheus/rules.yaml"
	runbookBase = "https://github.com/edge-proxy/edge-proxy/blob/main/docs/runbooks.md#"
)

// rules are the parts of the rules that tests read.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// readRules returns the rules of all groups in their order.
func readRules(t *testing.T) (all []rule) {
	t.Helper()
	content, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var r rules
	if err := yaml.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no rules")
	}
	return all
}

// alertNames returns the names of the alerts, each once, in the order of the rules.
func alertNames(t *testing.T) (names []string) {
	t.Helper()
	for _, r := range readRules(t) {
		if !slices.Contains(names, r.Alert) {
			names = append(names, r.Alert)
		}
	}
	return names
}

func TestRulesQueryMetricsThatExist(t *testing.T) {
	for _, r := range readRules(t) {
		if used := checkQuery(t, r.Alert, r.Expr); len(used) == 0 && r.Alert != "EdgeProxyDown" {
			t.Errorf("%s reads no metric of the proxy", r.Alert)
		}
	}
}

func TestRulesSayWhatIsWrongAndWhereToRead(t *testing.T) {
	for _, r := range readRules(t) {
		if s := r.Labels["severity"]; s != "page" && s != "ticket" && s != "info" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no summary or description", r.Alert)
		}
		if got, want := r.Annotations["runbook_url"], runbookBase+strings.ToLower(r.Alert); got != want {
			t.Errorf("the runbook of %s is %q, want %q", r.Alert, got, want)
		}
	}
}

// parts are what a runbook says, in this order.
var parts = []string{"**Symptom.**", "**What users notice.**", "**What to check.**", "**How to fix it.**", "**When to ignore it.**"}

var paragraph = regexp.MustCompile(`(?m)^\*\*[A-Z][^*]*\.\*\*`)

func TestEachAlertHasARunbook(t *testing.T) {
	content, err := os.ReadFile(docs + "runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for i, section := range strings.Split(string(content), "\n## ") {
		if i == 0 {
			continue // the introduction
		}
		title, text, _ := strings.Cut(section, "\n")
		titles = append(titles, title)
		if got := paragraph.FindAllString(text, -1); !slices.Equal(got, parts) {
			t.Errorf("%s has the paragraphs %v, want %v", title, got, parts)
		}
		for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(text, -1) {
			checkQuery(t, "the runbook of "+title, strings.Trim(code, "`"))
		}
	}
	if names := alertNames(t); !slices.Equal(titles, names) {
		t.Errorf("there are runbooks for %v, and alerts %v", titles, names)
	}
}

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
)

func TestReferenceIsCurrent(t *testing.T) {
	written, err := os.ReadFile("../configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(reference()) {
		t.Error("docs/configuration.md is not what the definitions say: run `make docs`")
	}
}

func TestCommandsAreCurrent(t *testing.T) {
	want := commands()
	written, err := os.ReadFile("../commands.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(want) {
		t.Error("docs/commands.md is not what the commands say: run `make docs`")
	}
	for _, command := range []string{"serve", "validate", "render-config", "health", "store", "store list", "store import", "version", "completion"} {
		if !strings.Contains(string(want), "\n## edge-proxy "+command+"\n") {
			t.Errorf("%s is missing", command)
		}
	}
}

func TestMetricsAreCurrent(t *testing.T) {
	want := metricsPage()
	written, err := os.ReadFile("../metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != string(want) {
		t.Error("docs/metrics.md is not what the catalogue says: run `make docs`")
	}
	for _, d := range metrics.Definitions() {
		if n := strings.Count(string(want), "\n| `"+d.Name+"` |"); n != 1 {
			t.Errorf("%s is there %d times", d.Name, n)
		}
	}
}

func TestReferenceIsComplete(t *testing.T) {
	text := string(reference())
	known := map[string]bool{}
	for _, e := range config.Reference() {
		known[e.Variable] = true
		title := e.Key
		if title == "" {
			title = e.Variable
		}
		if !strings.Contains(text, "\n### `"+title+"`\n") {
			t.Errorf("%s is missing", title)
		}
	}
	for variable := range remarks() {
		if !known[variable] {
			t.Errorf("a remark about %s, which is not a setting", variable)
		}
	}
}

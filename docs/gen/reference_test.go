package main

import (
	"os"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
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
			t.Errorf("a remark about %s, which is no setting", variable)
		}
	}
}

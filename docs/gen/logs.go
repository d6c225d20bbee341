package main

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed logs.md
var logsIntroduction string

// logs is the whole of docs/logs.md: what lines look like, and every event.
func logs() []byte {
	var out strings.Builder
	out.WriteString("<!-- Written by `make docs` from docs/gen/logs.md and docs/gen/events.go; changes made here are lost. -->\n\n" + logsIntroduction)
	for _, g := range events() {
		fmt.Fprintf(&out, "\n### %s\n\n| event | level | meaning | what to do |\n|---|---|---|---|\n", g.title)
		for _, e := range g.events {
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", e.name, strings.Join(e.levels, ", "), e.meaning, e.do)
		}
	}
	return []byte(out.String())
}

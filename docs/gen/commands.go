package main

import (
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
)

// commands is the whole of docs/commands.md: the help of each command.
func commands() []byte {
	var out strings.Builder
	out.WriteString("<!-- Written by `make docs` from the help of the commands; changes made here are lost. -->\n\n" +
		"# Commands\n\n" +
		"What `edge-proxy COMMAND --help` prints. `-fetch` is accepted for `--fetch`, and so is one dash with every other flag.\n" +
		"The program also runs under the names of the Python proxy's scripts: `edge-proxy-serve` and `edge-proxy-render-config`.\n")
	for command, help := range standard.CommandHelp() {
		fmt.Fprintf(&out, "\n## %s\n\n```text\n%s\n```\n", command, strings.TrimSpace(help))
	}
	return []byte(out.String())
}

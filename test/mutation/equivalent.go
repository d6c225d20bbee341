package main

import (
	"fmt"
	"os"
	"strings"
)

// equivalents has the changes that nobody could notice, by the text of their lines,
// so that they survive changes elsewhere in the file.
type equivalents map[string]bool

// readEquivalents reads lines of the form
//
//	file: change: line of code
//
// as the command prints them, without the position. Each follows a comment with the
// reason.
func readEquivalents(file string) (equivalents, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := equivalents{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.Count(line, ": ") < 2 {
			return nil, fmt.Errorf("%s: %q does not have the form file: change: code", file, line)
		}
		known[line] = true
	}
	return known, nil
}

func (e equivalents) has(file string, c change) bool {
	return e[fmt.Sprintf("%s: %s: %s", file, c, c.text)]
}

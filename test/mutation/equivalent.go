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
//	file: line of code, with the change in brackets
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
		if !strings.Contains(line, ": ") || !strings.Contains(line, " becomes ") {
			return nil, fmt.Errorf("%s: %q does not have the form file: code [a becomes b] code", file, line)
		}
		known[line] = true
	}
	return known, nil
}

func (e equivalents) has(file string, c change) bool {
	return e[file+": "+c.text]
}

// Package sample has the sample environment, with a configuration that serves it without
// Flagsmith.
package sample

import "embed"

// files are read-only.
//
//go:embed config.json environments
var files embed.FS

// Files returns config.json and the documents that it serves, in environments.
func Files() embed.FS { return files }

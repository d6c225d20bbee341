// Package data holds recorded answers of the reference implementation and
// the documents they belong to. Embedding makes a missing recording a build
// error, so that no test can pass for want of cases.
//
//   - evaluation.jsonl.gz: one line a document, with evaluations asked of it
//   - http.json: whole HTTP exchanges against environments a and b
//   - environment_a.json (keys client_a, ser.a), environment_b.json (client_b, ser.b)
//   - profile_default.json.gz, profile_small.json.gz: sizing profiles to check
//     the generator in test/support/harness/profile against
package data

import "embed"

// Files are the recordings, by name.
//
//go:embed *.json *.gz
var Files embed.FS

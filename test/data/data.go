// Package data holds recorded answers of the Python proxy and their documents. They
// are embedded, so that a missing recording is a build error and no test passes
// without its cases.
//
//   - evaluation.jsonl.gz: one line a document, with evaluations asked of it
//   - evaluation-11.jsonl.gz: the same, recorded from flag engine 11.1.1, with variant
//     and metadata in flags and with reasons beside the responses
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

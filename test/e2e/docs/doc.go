// Package docs tests the documentation: links and citations resolve, commands and
// settings exist, and every code block is right. The test of a block depends on its
// language:
//
//   - sh is run and must succeed; a block of variables must be a valid
//     configuration;
//   - console is run too, and each command, after "$ ", must print what is below
//     it, in which … stands for any text;
//   - json must load as a configuration, yaml and go must be well-formed;
//   - text is not tested.
//
// The commands of a page run in a directory of their own, in the page's order, with
// edge-proxy on the PATH and as bin/edge-proxy. The directory has the sample's
// config.json and a copy of docs. A proxy serves the sample at
// http://localhost:8000, with its admin listener at http://localhost:8001; these
// addresses are replaced by the real ones, and KEY by the sample's client-side key. The
// variable SECRET has the proxy's webhook secret, TOKEN the token of its admin listener,
// and STORE_URL names a store in a file with the sample's document. Commands that ask a
// running proxy ask this one.
//
// A block that needs something that tests do not have says so in a comment before
// it:
//
//	<!-- not run: needs a Kubernetes cluster -->
//
// needs_test.go lists the possible needs and how a block shows them. A comment that
// the block does not need is an error, and so is a missing one. A block of JSON that
// is not a configuration is marked
//
//	<!-- not a configuration -->
//
// A section whose first line is
//
//	*Planned: not built yet.*
//
// may name settings and commands that do not exist yet.
package docs

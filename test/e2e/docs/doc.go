// Package docs tests the documentation: that links lead somewhere, commands and
// settings exist, and every code block holds. What is done with a block depends on
// its language:
//
//   - sh is run, and has to succeed; a block of nothing but variables has to be a
//     valid configuration;
//   - console is run as well, and each command, behind "$ ", has to print what
//     stands below it, in which … stands for anything;
//   - json has to load as a configuration, yaml and go to be well-formed;
//   - text is for people.
//
// Commands run in a directory of the page's own, in the order of the page, with
// edge-proxy on the PATH and as bin/edge-proxy. It holds the sample's config.json
// and, under docs, this repository's. A proxy serves the sample at
// http://localhost:8000, which is replaced by its real address, as KEY is by the
// sample's client-side key; its webhook secret is in the variable SECRET. STORE_URL
// names a store in a file with the sample's document.
//
// A block that needs what tests do not have says so in a comment before it:
//
//	<!-- not run: needs a Kubernetes cluster -->
//
// The needs that there are, and how a block shows them, are listed in
// needs_test.go. A comment that the block does not need is an error, and so is a
// block without one that does. A block of JSON that is no configuration is marked
//
//	<!-- not a configuration -->
package docs

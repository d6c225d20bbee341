// Package sdk runs Flagsmith's own SDKs against the proxy, with a fake Flagsmith
// API behind it: Go, JavaScript as in a browser, Node.js and Python, each in the
// version that its folder pins. What they do here is what docs/compatibility.md
// promises.
//
// "make test-sdk" installs the SDKs under bin/sdk and runs the tests, which have
// the build tag sdk. They need Node.js and Python as well as Go.
//
// # Clients
//
// Each SDK is driven by a small program of its own language, all to one contract,
// which begins in test/support/sdkprogram. The requests:
//
//	{"call": "about"}
//	    {"sdk", "version", "runtime"}: what is being tested
//	{"call": "open", "client": NAME, "options": {…}}
//	    makes a client of the SDK under that name
//	{"call": "flags", "client", "identity"?, "features"?}
//	    [{"name", "enabled", "value"}, …]: the environment's or the identity's
//	    flags; all of them, or those that are named, read one by one
//	{"call": "segments", "client", "identity"}
//	    the names of the segments that the SDK sees the identity in
//	{"call": "flush", "client"}
//	    sends analytics now, where the SDK has a call for it
//	{"call": "experiment", "client", "identity", "features": [NAME]}
//	    {"name", "enabled", "value", "variant"}: the flag as the SDK's call for
//	    experiments returns it
//	{"call": "track", "client", "identity", "event"}
//	    tracks a custom event of the identity of the last call
//	{"call": "flush_events", "client"}
//	    sends events now
//	{"call": "close", "client"}
//	    ends what the client runs in the background
//
// Options are url (of the API), key, local (evaluation), refresh_ms (between two
// polls), realtime_url, analytics, events_url, page_size (of environment documents) and
// default, the {"enabled", "value"} that an application falls back to. An
// identity is {"identifier", "traits": [{"key", "value", "transient"}],
// "transient"}.
//
// A program supports the calls and options of the capabilities that its entry in
// the table of SDKs declares; every declared one has a scenario that runs.
//
// # Newer SDKs
//
// Versions are pinned, with checksums. For newer ones:
//
//	go: go get github.com/Flagsmith/flagsmith-go-client/v4@latest && go mod tidy
//	javascript, node: npm install --package-lock-only --save-exact PACKAGE@latest
//	python: pip-compile --generate-hashes --no-header --no-annotate --strip-extras,
//	    of pip-tools, with "flagsmith" as its input
//
// The tests say where docs/compatibility.md has to follow.
package sdk

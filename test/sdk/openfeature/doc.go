// Package openfeature runs OpenFeature's own SDKs with their OFREP providers
// against the proxy, with a fake Flagsmith API behind it: the provider for
// servers, which asks for each flag, and the one for browsers, which asks for all
// and polls or listens to a stream. What they do here is what docs/http-api.md promises.
//
// "make test-sdk" installs them under bin/sdk and runs the tests, which have the
// build tag sdk. They need Node.js as well as Go.
//
// # The client
//
// One program drives both, by the contract that begins in test/support/sdkprogram.
// The requests:
//
//	{"call": "open", "client": NAME, "options": {…}}
//	    makes a client with a provider of its own. Options are url, headers, web
//	    (the provider for browsers), poll_ms, stream (listens to the stream that an
//	    answer names) and context, all three for that one only, and body, which is
//	    sent in place of what the provider sends
//	{"call": "evaluate", "client", "flag", "default", "context"?}
//	    OpenFeature's details of an evaluation, of the type of default
//	{"call": "context", "client", "context"}
//	    gives the provider for browsers another context
//	{"call": "changed", "client"}
//	    waits for the event of a change, and returns the flags that it names
//	{"call": "streaming"}
//	    waits until a stream is open, and returns its address
//	{"call": "close", "client"}
//	    ends the provider
package openfeature

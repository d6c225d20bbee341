// Package harness runs the edge proxy as a real process for tests: it builds the
// binary, starts it, finds out where it listens, keeps what it prints, and ends it with
// the test. A fake Flagsmith API for it runs in the test's own process.
//
// The binary is below bin/test, where all packages share it.
//
// Every wait is bounded; a process that does not do what it should within its
// time fails the test with what the process printed. At the end of each test a
// proxy has to have stopped properly, without a data race or a panic and
// without having printed a secret of its configuration.
//
// Variables of the environment:
//
//	EDGE_PROXY_BINARY  the proxy to test, instead of a freshly built one
package harness

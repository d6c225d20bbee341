// Package harness runs the edge proxy and a fake Flagsmith API as real
// processes for tests: it builds the binaries, starts them, finds out where
// they listen, keeps what they print, and ends them with the test.
//
// The binaries are below bin/test, where all packages share them.
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

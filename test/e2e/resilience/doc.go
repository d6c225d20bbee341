// Package resilience shows that the proxy survives what upstream, the network,
// stores and operators do to it.
//
// The tests of single failures run the application in this process, with the
// real HTTP client against a fake Flagsmith API on a real listener. Those of
// forward proxies, signals and wrong configurations run the binary.
package resilience

// Package reload_test changes the configuration of running proxies: built
// binaries, real files and signals.
package reload_test

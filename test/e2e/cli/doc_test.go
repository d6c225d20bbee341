// Package cli_test runs the commands of the real binary: what they print, what
// they write and how they end.
package cli_test

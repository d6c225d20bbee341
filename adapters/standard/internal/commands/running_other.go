//go:build !linux

package commands

// runningProxy finds processes on Linux only.
func runningProxy(string) (address string, ok bool) { return "", false }

// Package wait waits for conditions in tests of processes, connections and logs, which
// do not report when they are done.
package wait

import (
	"testing"
	"time"
)

// Until calls holds every few milliseconds until it returns true. After the time
// within it fails the test, with what it waited for.
func Until(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !until(within, 5*time.Millisecond, holds) {
		t.Fatalf("waited %s for: %s", within, what)
	}
}

// ForSuccess calls ask until it returns no error, less often than Until, since it is
// meant for containers. After the time within it fails the test with the last error.
func ForSuccess(t testing.TB, within time.Duration, what string, ask func() error) {
	t.Helper()
	var err error
	if !until(within, 50*time.Millisecond, func() bool { err = ask(); return err == nil }) {
		t.Fatalf("waited %s for the %s: %v", within, what, err)
	}
}

// until reports whether holds returned true in time.
func until(within, pause time.Duration, holds func() bool) bool {
	again := time.NewTicker(pause)
	defer again.Stop()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-limit.C:
			return false
		}
	}
	return true
}

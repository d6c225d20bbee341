// Package wait waits for what has to come true, in tests of what runs by itself:
// processes, connections and logs, which tell nobody when they are done.
package wait

import (
	"testing"
	"time"
)

// Until asks every few milliseconds until holds does. It fails the test when that
// does not come within so long, and says what did not.
func Until(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !until(within, 5*time.Millisecond, holds) {
		t.Fatalf("within %s it did not come true: %s", within, what)
	}
}

// ForSuccess asks until ask returns no error, less often than Until, for it is
// meant for questions to containers. It fails the test when that does not come
// within so long, with the last error.
func ForSuccess(t testing.TB, within time.Duration, what string, ask func() error) {
	t.Helper()
	var err error
	if !until(within, 50*time.Millisecond, func() bool { err = ask(); return err == nil }) {
		t.Fatalf("waited %s for the %s: %v", within, what, err)
	}
}

// until reports whether holds did within so long.
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

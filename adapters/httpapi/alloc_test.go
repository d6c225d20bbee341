//go:build !race

// With the race detector sync.Pool drops some of what it is given, on purpose.

package httpapi_test

import "testing"

func TestAllocations(t *testing.T) {
	t.Run("without limits", func(t *testing.T) { testAllocations(t, profileRequests(t, nil)) })
	t.Run("with traces, not sampled", func(t *testing.T) { testAllocations(t, profileRequests(t, withTraces)) })
	t.Run("with limits", func(t *testing.T) { testAllocations(t, profileRequests(t, withLimits)) })
}

func testAllocations(t *testing.T, requests map[string]*replay) {
	t.Helper()
	for name, most := range map[string]float64{
		"flags": 0, "flags-gzip": 0, "feature": 0, "document": 0, "document-gzip": 0,
		"identity-get": 2, "identities": 3, "identities-gzip": 3,
		// Who has the answer gets 304 without one being built.
		"flags-held": 0, "document-held": 0, "identities-held": 7,
	} {
		p := requests[name]
		if got := testing.AllocsPerRun(500, p.ask); got > most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, most)
		}
	}
}

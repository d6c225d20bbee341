//go:build !race

// With the race detector, sync.Pool drops some values on purpose.

package inprocess

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// The most allocations of an evaluation, and of a whole answer for an identity, for
// any size of document and request.
const (
	mostOfEvaluation = 2
	mostOfAnswer     = 10
)

func TestAllocationsOfEvaluation(t *testing.T) {
	for _, n := range []int{15, 2000} {
		e, err := compile(indexed(n))
		if err != nil {
			t.Fatal(err)
		}
		id, dst := indexedIdentity(), make([]engine.OutcomeID, 0, e.Program.Len())
		got := testing.AllocsPerRun(200, func() { dst = e.Program.Evaluate(dst[:0], id) })
		if got > mostOfEvaluation {
			t.Errorf("%d segments: %v allocations, want at most %d", n, got, mostOfEvaluation)
		}
	}
}

func TestAllocationsOfAnswers(t *testing.T) {
	many := make([]trait, 200)
	for i := range many {
		many[i] = trait{fmt.Sprintf("trait_%d_%d", i/15, i%15), i}
	}
	tests := []struct {
		name     string
		document []byte
		body     string
	}{
		{"the profile", profile.Document(profile.Default()), profile.IdentityBody("user")},
		{"200 traits", profile.Document(profile.Default()), body("user", many)},
		{"2,000 features", profile.Document(profile.Size{Features: 2000, Segments: 1, Conditions: 15}), profile.IdentityBody("user")},
		{"2,000 segments", indexed(2000), body("user", indexedTraits())},
		{"an overridden identity", profile.Document(profile.Size{Features: 50, Segments: 15, Conditions: 15, IdentityOverrides: 500}), profile.IdentityBody("user_7")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := newHandler(tt.document)
			if err != nil {
				t.Fatal(err)
			}
			c, err := identity(h, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if status := c.ask(); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
			if got := testing.AllocsPerRun(200, func() { c.ask() }); got > mostOfAnswer {
				t.Errorf("%v allocations, want at most %d", got, mostOfAnswer)
			}
		})
	}
}

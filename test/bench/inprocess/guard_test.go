package inprocess

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// fastest returns the shortest time of an answer, since noise only adds time.
func fastest(t *testing.T, document []byte, body string) time.Duration {
	t.Helper()
	h, err := newHandler(document)
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity(h, body)
	if err != nil {
		t.Fatal(err)
	}
	if status := c.ask(); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	const batches, size = 60, 20
	best := time.Hour
	for range batches {
		began := time.Now()
		for range size {
			c.ask()
		}
		best = min(best, time.Since(began)/size)
	}
	return best
}

// TestCostFollowsTheWork checks the two curves that must stay flat. An index that is
// not used, or a list that is searched, costs a hundred times as much.
func TestCostFollowsTheWork(t *testing.T) {
	overridden := profile.Default()
	overridden.IdentityOverrides = 20_000
	identity := profile.IdentityBody("nobody")
	tests := []struct {
		name         string
		small, large []byte
		body         string
		most         float64 // times the small document's time
	}{
		{"2,000 segments against 15", indexed(15), indexed(2000), body("user", indexedTraits()), 5},
		{"20,000 identity overrides against none", profile.Document(profile.Default()), profile.Document(overridden), identity, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			small, large := fastest(t, tt.small, tt.body), fastest(t, tt.large, tt.body)
			if factor := float64(large) / float64(small); factor >= tt.most {
				t.Errorf("%s against %s: %.1f times as long, want less than %v", large, small, factor, tt.most)
			}
		})
	}
}

// TestIndexedSegmentsMatch checks that the curve over segments measures identities
// that segments match.
func TestIndexedSegmentsMatch(t *testing.T) {
	for _, n := range []int{15, 2000} {
		e, err := compile(indexed(n))
		if err != nil {
			t.Fatal(err)
		}
		flags := e.Program.Evaluate(nil, indexedIdentity())
		for feature, id := range flags {
			if got, want := e.Program.Outcomes()[id].Value.Text(), fmt.Sprintf("segment %d", feature); got != want {
				t.Errorf("%d segments: feature %d is %q, want %q", n, feature, got, want)
			}
		}
	}
}

// TestEnvironmentsTakeLittleMemory bounds what an environment keeps in the heap, its
// document included, before it is asked for the flags of an identity. docs/scaling.md
// tells operators to expect 4 times the document with the room that the collector needs.
func TestEnvironmentsTakeLittleMemory(t *testing.T) {
	document := profile.Document(profile.Size{Features: 20, Segments: 5, Conditions: 5})
	const n, most = 50, 2.4
	environments := make([]*app.Environment, n)
	before := inUse()
	for i := range environments {
		e, err := compile(bytes.Clone(document))
		if err != nil {
			t.Fatal(err)
		}
		environments[i] = e
	}
	each := float64(inUse()-before) / n
	if factor := each / float64(len(document)); factor > most {
		t.Errorf("%.0f bytes for a document of %d, %.2f times as much, want at most %v", each, len(document), factor, most)
	}
	runtime.KeepAlive(environments)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one found only then
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

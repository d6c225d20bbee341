//go:build !race

// With the race detector sync.Pool drops some of what it is given, on purpose.

package engine_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

func TestEvaluationAllocatesNothingOnTheProfile(t *testing.T) {
	p, _ := compileText(t, string(profile.Document(profile.Default())))
	id, dst := profileIdentity(), make([]engine.OutcomeID, 0, p.Len())
	if n := testing.AllocsPerRun(200, func() { dst = p.Evaluate(dst[:0], id) }); n > 1 {
		t.Errorf("%v allocations an evaluation, want at most 1", n)
	}
}

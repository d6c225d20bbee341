package storetest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
)

// defect is one way to break a store that keeps the contract.
type defect struct {
	name   string
	wrap   func(s *shim, b *backend)
	silent bool     // it shows with a backend that is silent when away
	fails  []string // the cases that have to fail
	// open lists cases that are left out, as they may fail or not, depending on how
	// goroutines meet, or as they fail for the same reason as one above and take
	// long; an entry that ends in * stands for all that begin so.
	open []string
}

// TestBrokenStores checks that each defect fails the cases that are about it, and
// no others.
func TestBrokenStores(t *testing.T) {
	for _, d := range slices.Concat(recordDefects(), versionDefects(), watchDefects(), leaseDefects(), stateDefects(), lifeDefects(), linearDefects()) {
		t.Run(strings.ReplaceAll(d.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			h := harness(d.silent, func(s ports.Store, b *backend) ports.Store {
				broken := newShim(s)
				d.wrap(broken, b)
				return broken
			})
			for _, c := range storetest.Cases() {
				wanted := slices.Contains(d.fails, c.Name)
				if !wanted && (matches(d.open, c.Name) || matches([]string{"large-documents", "leases-any-number", "linearizable-*", "touch-survives-an-earlier-delete"}, c.Name)) {
					continue // they are slow, about size only, and about much at once
				}
				failures, skipped := executeAtOnce(t, h, c.Name)
				if skipped != "" {
					t.Errorf("%s was skipped: %s", c.Name, skipped)
				}
				switch {
				case wanted && len(failures) == 0:
					t.Errorf("%s did not fail", c.Name)
				case wanted:
					wantLaw(t, c, failures)
				case len(failures) > 0:
					t.Errorf("%s failed:\n%s", c.Name, strings.Join(failures, "\n"))
				}
			}
		})
	}
}

// executeAtOnce runs a case in a bubble, in which waiting takes no time.
func executeAtOnce(t *testing.T, h storetest.Harness, name string) (failures []string, skipped string) {
	t.Helper()
	h.Patience = 2 * time.Second
	synctest.Test(t, func(t *testing.T) { failures, skipped = storetest.Execute(t, h, name) })
	return failures, skipped
}

// wantLaw checks that failures quote the contract.
func wantLaw(t *testing.T, c storetest.Case, failures []string) {
	t.Helper()
	for _, failure := range failures {
		if !strings.Contains(failure, oneLine(c.Law)) {
			t.Errorf("a failure of %s does not quote the contract: %s", c.Name, failure)
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		start, wild := strings.CutSuffix(pattern, "*")
		return pattern == name || wild && strings.HasPrefix(name, start)
	})
}

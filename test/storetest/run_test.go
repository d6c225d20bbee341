package storetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/storetest"
)

// TestRun runs the suite as store authors do, on stores that keep the contract.
func TestRun(t *testing.T) {
	t.Run("refused when away", func(t *testing.T) { storetest.Run(t, harness(false, nil)) })
	t.Run("silent when away", func(t *testing.T) {
		h := harness(true, nil)
		h.Skip = map[string]string{"large-documents": "its backend is never away, and the run above has it"}
		storetest.Run(t, h)
	})
}

func TestHarnessProblems(t *testing.T) {
	for name, test := range map[string]struct {
		skip map[string]string
		want []string
	}{
		"nothing skipped": {nil, nil},
		"a case skipped":  {map[string]string{"large-documents": "values end at 1 MiB"}, nil},
		"no reason": {map[string]string{"large-documents": ""},
			[]string{`Harness.Skip gives no reason to skip "large-documents"`}},
		"no case": {map[string]string{"large": "values end at 1 MiB"},
			[]string{`Harness.Skip names "large", which is not a case`}},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness(false, nil)
			h.Skip = test.skip
			if got := storetest.Problems(h); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestSkips checks that a case that cannot run says why, and that it neither
// passes nor fails.
func TestSkips(t *testing.T) {
	bare := func(t *testing.T) storetest.Backend {
		return storetest.Backend{Open: harness(false, nil).New(t).Open}
	}
	for _, test := range []struct{ name, harness, reason string }{
		{"large-documents", "named", "left out by the harness: values end at 1 MiB"},
		{"versions-never-repeat-after-wipe", "bare", "Backend.Wipe"},
		{"unavailable-and-back", "bare", "Backend.Break and Mend"},
		{"corrupt-get", "bare", "Backend.Corrupt"},
		{"corrupt-state", "bare", "Backend.CorruptState"},
		{"durable-after-crash", "bare", "Backend.Crash"},
		{"durable-after-close", "bare", "durable backend"},
		{"watch-other-handle", "bare", "not shared"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := storetest.Harness{New: bare}
			if test.harness == "named" {
				h.Skip = map[string]string{test.name: "values end at 1 MiB"}
			}
			failures, skipped := storetest.Execute(t, h, test.name)
			if len(failures) > 0 {
				t.Errorf("failed: %q", failures)
			}
			if !strings.Contains(skipped, test.reason) {
				t.Errorf("skipped with reason %q, want %q", skipped, test.reason)
			}
		})
	}
}

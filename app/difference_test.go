package app_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/app"
)

func TestChangeSummaries(t *testing.T) {
	const begin = "A new document has arrived, via poll: "
	for want, c := range map[string]app.ChangeSummary{
		"nothing that is served differs.":                    {},
		"1 feature changed.":                                 {Changed: []string{"a"}},
		"2 features added, 1 feature removed.":               {Added: []string{"a", "b"}, Removed: []string{"c"}},
		"1 segment changed.":                                 {Segments: []string{"s"}},
		"2 segments changed, identity overrides changed: 3.": {Segments: []string{"s", "t"}, Identities: 3},
	} {
		c.Via = "poll"
		if got := c.String(); got != begin+want {
			t.Errorf("got %q, want %q", got, begin+want)
		}
	}
}

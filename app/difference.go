package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/diff"
)

// summarize returns how a document differs from the former one, whose body has been
// parsed before. Nothing is kept of a former document but its body.
func summarize(former *Environment, next *domain.Environment, at time.Time, via Via) *ChangeSummary {
	summary := &ChangeSummary{At: at, Via: via}
	document, _, err := domain.ParseEnvironment(textOf(former.Body))
	if err != nil {
		return summary
	}
	d := diff.Compare(document, next)
	summary.Added, summary.Removed = d.Features.Added, d.Features.Removed
	for i := range d.Features.Changed {
		summary.Changed = append(summary.Changed, d.Features.Changed[i].Name)
	}
	for i := range d.Segments.Changed {
		summary.Segments = append(summary.Segments, d.Segments.Changed[i].Name)
	}
	for _, list := range [][]diff.SegmentName{d.Segments.Added, d.Segments.Removed} {
		for i := range list {
			summary.Segments = append(summary.Segments, list[i].Name)
		}
	}
	slices.Sort(summary.Segments)
	summary.Identities = d.Identities.Added + d.Identities.Removed + d.Identities.Changed
	return summary
}

// String returns the summary as a sentence.
func (c ChangeSummary) String() string {
	var parts []string
	for _, part := range []struct {
		names []string
		what  string
	}{{c.Changed, "changed"}, {c.Added, "added"}, {c.Removed, "removed"}} {
		if n := len(part.names); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", numbered(n, "feature"), part.what))
		}
	}
	if n := len(c.Segments); n > 0 {
		parts = append(parts, numbered(n, "segment")+" changed")
	}
	if c.Identities > 0 {
		parts = append(parts, fmt.Sprintf("identity overrides changed: %d", c.Identities))
	}
	if len(parts) == 0 {
		parts = []string{"nothing that is served differs"}
	}
	return fmt.Sprintf("A new document has arrived, via %s: %s.", c.Via, strings.Join(parts, ", "))
}

// numbered returns a number of things in words, such as "1 feature" or "2 features".
func numbered(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

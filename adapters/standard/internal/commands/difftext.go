package commands

import (
	"fmt"
	"io"
	"strings"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain/diff"
)

// printComparison prints a comparison for people: added parts with +, removed ones with
// -, changed ones with ~.
func printComparison(w io.Writer, c *inspect.Comparison) error {
	out := &comparisonText{}
	for _, change := range c.Settings {
		out.line(0, "~ setting %s: %s", change.Field, changeText(change))
	}
	for _, name := range c.Features.Added {
		out.line(0, "+ feature %s", printable(name))
	}
	for _, name := range c.Features.Removed {
		out.line(0, "- feature %s", printable(name))
	}
	for _, f := range c.Features.Changed {
		out.line(0, "~ feature %s", printable(f.Name))
		out.changes(f.Changes)
	}
	for _, s := range c.Segments.Added {
		out.line(0, "+ segment %s", segmentText(s))
	}
	for _, s := range c.Segments.Removed {
		out.line(0, "- segment %s", segmentText(s))
	}
	for _, s := range c.Segments.Changed {
		out.line(0, "~ segment %s", segmentText(s.SegmentName))
		out.changes(s.Changes)
		if s.Rules != nil {
			out.line(1, "rules")
			out.rules(2, "- ", s.Rules.Removed)
			out.rules(2, "+ ", s.Rules.Added)
		}
	}
	if n := c.Difference.Identities; n != (diff.Count{}) {
		out.line(0, "~ identity overrides: %d added, %d removed, %d changed", n.Added, n.Removed, n.Changed)
	}
	out.affected(c)
	if !c.Different {
		out.line(0, "no difference")
	}
	_, err := io.WriteString(w, out.text.String())
	return err
}

// comparisonText collects the lines of a comparison.
type comparisonText struct{ text strings.Builder }

func (o *comparisonText) line(depth int, format string, args ...any) {
	fmt.Fprintf(&o.text, strings.Repeat("    ", depth)+format+"\n", args...)
}

func (o *comparisonText) changes(changes []diff.Change) {
	for _, c := range changes {
		o.line(1, "%s: %s", printable(c.Field), changeText(c))
	}
}

func changeText(c diff.Change) string {
	return shortened(string(c.Before)) + " → " + shortened(string(c.After))
}

func segmentText(s diff.SegmentName) string { return quoted(s.Name) + " (id " + printable(s.ID) + ")" }

func (o *comparisonText) rules(depth int, sign string, rules []diff.Rule) {
	for _, r := range rules {
		o.line(depth, "%s%s", sign, ruleText(r.Type))
		for _, c := range r.Conditions {
			o.line(depth+1, "%s%s", sign, conditionText(c.Property, c.Operator, c.Value))
		}
		o.rules(depth+1, sign, r.Rules)
	}
}

// affected prints the identities that see other values.
func (o *comparisonText) affected(c *inspect.Comparison) {
	if c.Compared == 0 {
		return
	}
	o.line(0, "%d of %d identities see other values", len(c.Identities), c.Compared)
	for _, a := range c.Identities {
		o.line(1, "line %d, %s", a.Number, quoted(a.Identifier))
		for _, f := range a.Flags {
			o.line(2, "%s: %s → %s", printable(f.Feature), seenText(f.Before), seenText(f.After))
		}
	}
}

func seenText(s *inspect.Seen) string {
	if s == nil {
		return "missing"
	}
	text := valueOf(s.Enabled, s.Value)
	if string(s.Variant) != "null" {
		text += " (variant " + shortened(string(s.Variant)) + ")"
	}
	return text
}

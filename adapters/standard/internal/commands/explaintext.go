package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
)

// printExplanation prints an explanation for people.
func printExplanation(w io.Writer, e *explained, id *domain.Identity) error {
	out := &outline{out: w, identity: id}
	for i := range e.Flags {
		out.flag(&e.Flags[i])
		out.line("")
	}
	for _, note := range e.Notes {
		out.line("note: %s", note)
	}
	if e.Incomplete {
		out.line("note: the budget of one explanation was used up; conditions marked “not looked at” may hold")
	}
	updated := "a document without updated_at"
	if !e.Document.UpdatedAt.IsZero() {
		updated = "document of " + e.Document.UpdatedAt.Format(time.RFC3339)
	}
	from := "from " + e.From
	if e.Served != nil {
		from = fmt.Sprintf("served by node %s, via %s", printable(e.Served.Node), e.Served.Via)
	}
	out.line("%s: %s (%s…)", from, updated, e.Document.SHA256[:8])
	if c := e.Compared; c != nil {
		out.line("%d of %d flags differ in %s", len(c.Different), len(e.Flags), c.With)
		for _, d := range c.Different {
			out.line("")
			if d.Here == nil {
				out.line("%s is in %s only", printable(d.Feature), c.With)
			}
			if d.There == nil {
				out.line("%s is missing in %s", printable(d.Feature), c.With)
			} else {
				out.flag(d.There)
			}
		}
	}
	return out.err
}

// outline writes explanations of flags as indented lines.
type outline struct {
	out      io.Writer
	identity *domain.Identity // nil: nobody
	table    *tabwriter.Writer
	buffer   bytes.Buffer
	err      error
}

// line writes a line that is not aligned with others.
func (o *outline) line(format string, args ...any) {
	if _, err := fmt.Fprintf(o.out, format+"\n", args...); o.err == nil {
		o.err = err
	}
}

// row writes a line of up to three columns.
func (o *outline) row(depth int, left, middle, right string) {
	fmt.Fprintf(o.table, "%s%s\t%s\t%s\n", strings.Repeat("  ", depth), left, middle, right)
}

// flag writes a flag with its steps.
func (o *outline) flag(f *inspect.Flag) {
	o.buffer.Reset()
	o.table = tabwriter.NewWriter(&o.buffer, 0, 0, 3, ' ', 0)
	hidden := ""
	if f.Hidden {
		hidden = "not visible with the client-side key"
	}
	o.row(0, printable(f.Feature)+" = "+valueOf(f.Enabled, f.Value), reasonOf(f.Reason, f.Variant), hidden)
	for i := range f.Steps {
		o.step(i+1, &f.Steps[i])
	}
	if len(f.Dependencies) > 0 {
		o.row(1, "depends on", "", "")
		o.dependencies(2, f.Dependencies)
	}
	_ = o.table.Flush() // writing to a buffer does not fail
	for line := range strings.Lines(o.buffer.String()) {
		o.line("%s", strings.TrimRight(line, " \n"))
	}
}

func (o *outline) step(number int, s *inspect.Step) {
	applies := ""
	if s.Applies {
		applies = "← applies"
	}
	switch s.Kind {
	case inspect.StepIdentity:
		what := "identity override"
		if o.identity != nil {
			what += " of " + quoted(o.identity.Identifier)
		}
		o.row(1, fmt.Sprintf("%d %s", number, what), stateText(s), applies)
	case inspect.StepSegment:
		o.segment(number, s, applies)
	default:
		o.row(1, fmt.Sprintf("%d environment default", number), stateText(s), applies)
		o.split(s.State)
	}
}

func (o *outline) segment(number int, s *inspect.Step, applies string) {
	what := fmt.Sprintf("%d segment %s", number, quoted(s.Segment.Name))
	if priority := string(s.Priority); priority != "null" {
		what += " (priority " + priority + ")"
	}
	if s.Matches {
		what += " matches"
	} else {
		what += " does not match"
	}
	o.row(1, what, stateText(s), applies)
	switch {
	case s.Against == "cycle":
		o.row(3, "it reads a flag that depends on itself, and does not match whatever its rules say", "", "")
	case s.Against == "budget":
		o.row(3, "the budget of evaluation or of its explanation was used up before all of its rules were looked at", "", "")
	case s.Omitted:
		o.row(3, "its rules are left out, because too many are shown already; name fewer features", "", "")
	case len(s.Rules) == 0:
		o.row(3, "it has no rules, and matches nobody", "", "")
	}
	o.rules(3, s.Rules)
	if s.Matches {
		o.split(s.State)
	}
}

func (o *outline) rules(depth int, rules []inspect.Rule) {
	for i := range rules {
		r := &rules[i]
		heading := ruleText(r.Type)
		if len(r.Conditions)+len(r.Rules) == 0 {
			heading += " nothing"
		}
		o.row(depth, mark(r.Holds)+" "+heading, "", "")
		for j := range r.Conditions {
			o.condition(depth+1, &r.Conditions[j])
		}
		o.rules(depth+1, r.Rules)
	}
}

// ruleText is how a rule combines what is below it.
func ruleText(kind string) string {
	switch kind {
	case "ALL":
		return "all of"
	case "ANY":
		return "any of"
	case "NONE":
		return "none of"
	default:
		return "a rule of an unknown type, which never holds:"
	}
}

func (o *outline) condition(depth int, c *inspect.Condition) {
	text := mark(c.Holds) + " " + conditionText(c.Property, c.Operator, c.Value)
	seen := printable(c.Property) + " = " + shortened(string(c.Seen)) + " (" + c.SeenAs + ")"
	switch {
	case c.CutOff:
		seen = "not looked at"
	case c.Percentage != nil:
		seen = fmt.Sprintf("%s is at %s %%", shortened(string(c.Seen)), percentText(*c.Percentage))
	case c.SeenAs == "" && c.Property == "":
		seen = "there is no identity"
	case c.SeenAs == "":
		seen = printable(c.Property) + " is not set"
	}
	why := ""
	switch {
	case c.Decisive && c.Holds:
		why = "← the first that holds and must not"
	case c.Decisive:
		why = "← the first that fails"
	}
	o.row(depth, text, seen, why)
}

// conditionText is a condition without what it saw.
func conditionText(property, operator string, value json.RawMessage) string {
	parts := []string{printable(property), printable(operator)}
	if operator == "" {
		parts[1] = "(malformed)"
	}
	if text := string(value); text != "null" && text != `""` {
		parts = append(parts, shortened(text))
	}
	return strings.TrimPrefix(strings.Join(parts, " "), " ")
}

// split writes how a feature state divides identities.
func (o *outline) split(s *inspect.State) {
	if s == nil || s.Split == nil {
		return
	}
	o.row(3, fmt.Sprintf("split by the hash of %s", quoted(s.Split.Hashed)), percentText(s.Split.Percentage)+" %", "")
	chosen := false
	for _, option := range s.Split.Options {
		chosen = chosen || option.Chosen
		name := "variant without a key"
		if string(option.Variant) != "null" {
			name = "variant " + shortened(string(option.Variant))
		}
		o.row(4, fmt.Sprintf("%s %s-%s %%: %s", mark(option.Chosen), percentText(option.From), percentText(option.To), shortened(string(option.Value))), name, "")
	}
	if !chosen {
		o.row(4, mark(true)+" the rest: "+shortened(string(s.Value)), "control", "")
	}
}

func (o *outline) dependencies(depth int, list []inspect.Dependency) {
	for _, d := range list {
		repeated := ""
		if d.Repeated {
			repeated = "(see above)"
		}
		o.row(depth, printable(d.Feature)+" = "+valueOf(d.Enabled, d.Value), reasonOf(d.Reason, d.Variant), repeated)
		o.dependencies(depth+1, d.Dependencies)
	}
}

func mark(holds bool) string {
	if holds {
		return "✓"
	}
	return "✗"
}

// stateText is what the feature state of a step gives, before its split.
func stateText(s *inspect.Step) string {
	if s.State == nil {
		return "none"
	}
	text := valueOf(s.State.Enabled, s.State.Value)
	if s.State.Split != nil {
		text += fmt.Sprintf(", %d variants", len(s.State.Split.Options))
	}
	if !s.Applies {
		return "would be " + text
	}
	return text
}

// valueOf is the state of a flag, with its value unless that is null.
func valueOf(enabled bool, value json.RawMessage) string {
	text := "off"
	if enabled {
		text = "on"
	}
	if string(value) != "null" {
		text += ", " + shortened(string(value))
	}
	return text
}

func reasonOf(reason string, variant json.RawMessage) string {
	text := "reason " + printable(reason)
	if string(variant) != "null" {
		text += ", variant " + shortened(string(variant))
	}
	return text
}

// percentText is a percentage with as many digits as tell something.
func percentText(p float64) string {
	text := strings.TrimRight(fmt.Sprintf("%.3f", p), "0")
	return strings.TrimSuffix(text, ".")
}

// quoted returns a text as JSON has it.
func quoted(text string) string {
	encoded := domain.StringValue(text)
	return shortened(string(encoded.AppendJSON(nil)))
}

// printable returns a name as it is if it can be printed on a line, else as JSON has it.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return quoted(name)
	}
	return shortened(name)
}

// shortened returns a text cut to what fits beside others in a line.
func shortened(text string) string {
	const longest = 60
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest-1]) + "…"
	}
	return text
}

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// RenderOptions chooses what Render writes.
type RenderOptions struct {
	// Minimal leaves out every setting but those without which nothing is served:
	// api_url and environment_key_pairs.
	Minimal bool
	// Comments writes before each setting what it does and which variable sets it. A
	// configuration file may have comments; other readers of JSON may refuse them.
	Comments bool
}

// Render returns the default configuration as a JSON file: every setting that a file
// can hold, in the order of Reference, null where unset. Its keys are placeholders,
// which Load refuses.
func Render(o RenderOptions) []byte {
	var out bytes.Buffer
	renderSection(&out, theSchema().root, "", o)
	out.WriteByte('\n')
	return out.Bytes()
}

// minimal are the settings without which nothing is served.
var minimal = []string{"API_URL", "ENVIRONMENT_KEY_PAIRS"}

func renderSection(out *bytes.Buffer, section *node, indent string, o RenderOptions) {
	const step = "  "
	separator := "{"
	for _, c := range section.children {
		d := c.definition
		if d != nil && d.environmentOnly || o.Minimal && (d == nil || !slices.Contains(minimal, d.variable)) {
			continue
		}
		out.WriteString(separator)
		separator = ","
		if o.Comments && d != nil {
			fmt.Fprintf(out, "\n%s// %s (%s)", indent+step, d.help, d.variable)
		}
		fmt.Fprintf(out, "\n%s%q: ", indent+step, c.name)
		if d == nil {
			renderSection(out, c, indent+step, o)
		} else if err := json.Indent(out, []byte(renderDefault(d)), indent+step, step); err != nil {
			panic(fmt.Sprintf("config: render the defaults: %v", err)) // they are constants
		}
	}
	fmt.Fprintf(out, "\n%s}", indent)
}

func renderDefault(d *definition) string {
	switch {
	case d.variable == "ENVIRONMENT_KEY_PAIRS":
		return fmt.Sprintf(`[{%q:%q,%q:%q}]`, serverSideKey, placeholderServerKey, clientSideKey, placeholderClientKey)
	case d.optional && d.fallback == "":
		return "null"
	case d.kind.number || d.kind.structured():
		return d.fallback
	default:
		return fmt.Sprintf("%q", d.fallback)
	}
}

// Entry describes one setting.
type Entry struct {
	// Key is the dotted key in the file, "" for settings that only variables set.
	Key string
	// Aliases are other names for the last part of the key.
	Aliases []string
	// Variable takes precedence over the VariableAliases.
	Variable        string
	VariableAliases []string
	// FileVariable names a file that holds the value. It is "" for settings that
	// are not confidential.
	FileVariable string
	Type         string
	// Default is the default as a variable would hold it. With Unset, it says what
	// it means that the setting is unset.
	Default     string
	Unset       bool
	Allowed     string
	Description string
	// Confidential says that values are masked wherever they are shown.
	Confidential bool
	// Reload is when a change takes effect.
	Reload Effect
}

// Reference returns all settings: those of the file, then those that only variables
// set.
func Reference() []Entry {
	var entries []Entry
	for _, d := range theSchema().settings {
		e := Entry{
			Key: d.key, Aliases: d.aliases,
			Variable: d.variable, VariableAliases: d.variables[1:], FileVariable: d.fileVariable(),
			Type: d.kind.name, Default: d.fallback, Allowed: d.kind.allowed(d), Description: d.help,
			Confidential: d.kind.confidential, Reload: d.reload,
		}
		if d.environmentOnly {
			e.Key = ""
		}
		if d.optional && d.fallback == "" {
			e.Default, e.Unset = d.unset, true
		}
		entries = append(entries, e)
	}
	return entries
}

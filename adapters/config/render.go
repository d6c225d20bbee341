package config

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Render returns the default configuration as a JSON file: every setting that a
// file can hold, in the order of the reference, null where unset. In place of
// keys it has placeholders, which Load asks to be replaced.
func Render() []byte {
	var compact, pretty bytes.Buffer
	renderSection(&compact, newSchema().root)
	if err := json.Indent(&pretty, compact.Bytes(), "", "  "); err != nil {
		panic(fmt.Sprintf("config: render the defaults: %v", err)) // they are constants
	}
	pretty.WriteByte('\n')
	return pretty.Bytes()
}

func renderSection(out *bytes.Buffer, section *node) {
	separator := "{"
	for _, c := range section.children {
		if c.definition != nil && c.definition.environmentOnly {
			continue
		}
		fmt.Fprintf(out, "%s%q:", separator, c.name)
		separator = ","
		if c.definition == nil {
			renderSection(out, c)
		} else {
			out.WriteString(renderDefault(c.definition))
		}
	}
	out.WriteByte('}')
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

// Entry is one setting in the reference.
type Entry struct {
	// Key in the file, dotted; "" for what only variables set.
	Key string
	// Aliases are other names of the key's last part.
	Aliases []string
	// Variable and other variables of the same setting, which count less.
	Variable        string
	VariableAliases []string
	// FileVariable names a file to read the value from, "" where there is none.
	FileVariable string
	Type         string
	// Default as a variable would hold it, or what being unset means.
	Default     string
	Unset       bool // there is no default value: Default says what that means
	Allowed     string
	Description string
	// Confidential values are masked wherever they are shown.
	Confidential bool
	// Reload says when a change takes effect.
	Reload Effect
}

// Reference returns all settings in order: those of the file, then those that
// only variables set.
func Reference() []Entry {
	var entries []Entry
	for _, d := range newSchema().settings {
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

package config

import "fmt"

// origin is where a value comes from: for messages, and in the short form of
// EffectiveSetting.Source.
type origin struct{ text, source string }

// The sources that have one form.
const (
	// SourceDefault is EffectiveSetting.Source of a value that nobody has set.
	SourceDefault    = "default"
	sourceVariable   = "variable"
	sourceSecretFile = "secret file"
	sourceFlag       = "flag"
)

// inFile is a line of the configuration file, which is shown as name.
func inFile(name string, line int) origin {
	return origin{text: fmt.Sprintf("%s, line %d", name, line), source: fmt.Sprintf("file:%d", line)}
}

// inVariable is a variable of the environment.
func inVariable(name string) origin {
	return origin{text: "variable " + name, source: sourceVariable}
}

// writtenAs returns o for a value whose key is an alias.
func (o origin) writtenAs(alias string) origin {
	return origin{text: o.text + ", written as " + alias, source: o.source}
}

// secretFile returns the origin of a value that is in a file which is named at o.
func (o origin) secretFile() origin { return origin{text: o.text, source: sourceSecretFile} }

// and returns the origin of a value that is merged from o and a higher layer.
func (o origin) and(above origin) origin {
	return origin{text: o.text + " and " + above.text, source: o.source + " and " + above.source}
}

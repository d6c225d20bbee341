package commands

import (
	"encoding/json"
	"io"
)

// printJSON prints one value as indented JSON. Its texts are for people and programs,
// not for a page, so "<" and "&" stay as they are.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// Package names writes any text as a name that stores can use.
package names

import (
	"net/url"
	"strings"
)

// Escape writes text in letters, digits, "-", ".", "_", "~" and %XX. Ordinary keys
// stay as they are, and no two texts have one name.
func Escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// Unescape reverses Escape. ok is false for a name that Escape does not make.
func Unescape(name string) (text string, ok bool) {
	text, err := url.PathUnescape(name)
	return text, err == nil && Escape(text) == name
}

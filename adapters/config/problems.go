package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Problem is one reason why a configuration is refused. Its texts hold no
// secrets and no line breaks.
type Problem struct {
	Key     string // the setting, such as server.port, or the file
	Value   string // the value found: quoted, masked, or described
	Allowed string // the values that are allowed
	Origin  string // where the value came from
	Text    string // the text of a Check; it replaces Value and Allowed
}

// String returns the problem as one line.
func (p Problem) String() string {
	if p.Text != "" {
		return fmt.Sprintf("%s (%s)", p.Text, p.Origin)
	}
	return fmt.Sprintf("%s is %s, must be %s (%s)", p.Key, p.Value, p.Allowed, p.Origin)
}

// ProblemsError is the error of Load. It lists everything that is wrong with a
// configuration.
type ProblemsError struct {
	Problems []Problem
	// Hint is one line about what to do, "" for none. Error does not return it.
	Hint string
}

// Error returns the problems, one a line.
func (e *ProblemsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Warning is something an operator should know although the configuration is usable.
// Its texts hold no secrets and no line breaks.
type Warning struct {
	Key     string // the setting, key or variable
	Message string
	Origin  string // where it was found
}

// String returns the warning as one line.
func (w Warning) String() string { return fmt.Sprintf("%s: %s (%s)", w.Key, w.Message, w.Origin) }

// errNotAllowed is the error of a parser for a value outside of what the setting
// allows. A *reason carries its own explanation.
var errNotAllowed = errors.New("not allowed")

// reason is the error of a parser that says itself what is allowed.
type reason struct{ allowed string }

func (r *reason) Error() string { return "must be " + r.allowed }

// oneLine makes text from outside fit for a message: server-side keys masked, no
// control characters, not endless.
func oneLine(text string) string {
	const longest = 200
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == 0x85 {
			return ' '
		}
		return r
	}, domain.RedactServerKeys(text))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// quote shows a value. It is masked before it is cut, so that no part of a key shows.
func quote(text string) string { return fmt.Sprintf("%q", oneLine(text)) }

// choice lists alternatives as a sentence does.
func choice(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

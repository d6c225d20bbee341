package engine

import (
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
	pytext "github.com/edge-proxy/edge-proxy/engine/python/text"
)

// compileIn compiles IN: the context value, a text or an integer as text, is a member
// of a list. The condition holds a JSON list or a text. A text that begins with a
// bracket and is a JSON list is one; any other text is a list separated by commas.
func compileIn(v domain.Value) (test, string) {
	var members []string
	switch v.Kind() {
	case jsonscan.String:
		members = strings.Split(v.Text(), ",")
		if strings.HasPrefix(v.Text(), "[") && jsonscan.Valid(v.Text()) == nil {
			members = listMembers(v.Text())
		}
	case jsonscan.Array:
		members = listMembers(v.Text())
	default:
		return never(), opIn + " takes a list"
	}
	set := make(map[string]struct{}, len(members))
	for _, m := range members {
		set[m] = struct{}{}
	}
	return test{holds: func(v *value, _ *budget) bool {
		switch v.kind {
		case text:
			_, in := set[v.text]
			return in
		case integer:
			var digits [32]byte
			_, in := set[string(v.appendText(digits[:0]))]
			return in
		default:
			return false
		}
	}, values: inValues(set)}, ""
}

// inValues returns the values for which IN can hold. It returns nil when they cannot
// be listed: the index has no integers beyond 64 bits.
func inValues(set map[string]struct{}) []value {
	values := make([]value, 0, 2*len(set))
	for m := range set {
		switch v := valueOfText(m); {
		case v.large != nil:
			return nil
		case v.kind == integer && strconv.FormatInt(v.integer, 10) == m:
			values = append(values, v)
		}
		values = append(values, value{kind: text, text: m})
	}
	return values
}

// listMembers returns Python's str() of each member of a JSON list.
func listMembers(list string) []string {
	var members []string
	s := jsonscan.New(list)
	s.EnterArray()
	for s.NextElement() {
		members = append(members, string(pytext.AppendStr(nil, jsonpath.Node(domain.ReadValue(&s)))))
	}
	return members
}

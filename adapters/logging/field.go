package logging

import (
	"log/slog"
	"slices"
	"strings"
)

// maxDepth bounds nested groups: a LogValuer may return a group that holds
// itself.
const maxDepth = 32

// group is a set of attributes with unique names, in the order of their first
// appearance.
type group struct{ fields []field }

// field is one attribute: a group when group is not nil, else a resolved value.
type field struct {
	key   string
	value slog.Value
	group *group
}

// add puts an attribute into the group. The last of equal names wins, but two
// groups of one name become one; a group without a name is spread.
func (g *group) add(a slog.Attr, depth int) {
	a.Key = strings.ToValidUTF8(a.Key, "\ufffd") // before names are compared: two names must not become one later
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
			return // slog's zero Attr
		}
		g.set(field{key: a.Key, value: v})
		return
	}
	if depth >= maxDepth {
		g.set(field{key: a.Key, value: slog.StringValue("!(too deep)")})
		return
	}
	members := v.Group()
	if len(members) == 0 {
		return
	}
	into := g
	if a.Key != "" {
		into = g.open(a.Key)
	}
	for _, m := range members {
		into.add(m, depth+1)
	}
}

// open returns the group of that name in g.
func (g *group) open(name string) *group {
	if i := g.index(name); i >= 0 && g.fields[i].group != nil {
		return g.fields[i].group
	}
	sub := &group{}
	g.set(field{key: name, group: sub})
	return sub
}

func (g *group) set(f field) {
	if i := g.index(f.key); i >= 0 {
		g.fields[i] = f
		return
	}
	g.fields = append(g.fields, f)
}

// prune removes groups in which nothing is, as slog demands.
func (g *group) prune() {
	g.fields = slices.DeleteFunc(g.fields, func(f field) bool {
		if f.group == nil {
			return false
		}
		f.group.prune()
		return len(f.group.fields) == 0
	})
}

// unreserved returns a name for a field whose own is reserved: itself with as
// many underscores appended as make it unique among the fields and reserved.
func (g *group) unreserved(key string, reserved func(string) bool) string {
	if !reserved(key) {
		return key
	}
	for {
		key += "_"
		if !reserved(key) && g.index(key) < 0 {
			return key
		}
	}
}

func (g *group) index(key string) int {
	return slices.IndexFunc(g.fields, func(f field) bool { return f.key == key })
}

package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A definition is one setting as its tags describe it.
type definition struct {
	key       string   // dotted, as in the file: server.port
	variable  string   // SERVER_PORT
	aliases   []string // other names of the last part, in lower case
	variables []string // the variable and its aliases, in the order they count

	kind            *kind
	fallback        string // what envDefault says
	unset           string // what being unset means
	optional        bool   // may be unset: it has no default, or can be emptied
	least, most     float64
	leastExcluded   bool // least itself is not allowed
	bounded         bool
	oneOf, schemes  []string
	check           string
	environmentOnly bool
	reload          Effect
	help            string

	index []int // of the field in Settings
}

// fileVariable is the variable that names a file to read the value from, "" for
// settings that hold no secret.
func (d *definition) fileVariable() string {
	if !d.kind.confidential {
		return ""
	}
	return d.variable + "_FILE"
}

// A node is a setting or a section of the configuration.
type node struct {
	name       string // last part of the key
	key        string
	variable   string
	definition *definition // nil for a section
	ours       bool        // the Python proxy does not have this section
	children   []*node
}

// child finds what the file calls name, alias reports whether that is an alias.
func (n *node) child(name string) (c *node, alias bool) {
	for _, c := range n.children {
		if c.name == name {
			return c, false
		}
		if c.definition != nil && slices.Contains(c.definition.aliases, name) {
			return c, true
		}
	}
	return nil, false
}

// confidential reports whether values under n may hold secrets.
func (n *node) confidential() bool {
	if n.definition != nil {
		return n.definition.kind.confidential
	}
	return slices.ContainsFunc(n.children, (*node).confidential)
}

// schema is all settings, as a tree and in order.
type schema struct {
	root     *node
	sections []*node // that a variable can hold, outer before inner
	settings []*definition
}

// theSchema reads the tags of Settings once. Nobody changes what it returns. A wrong
// tag is a mistake in the program and panics.
var theSchema = sync.OnceValue(func() *schema {
	s := &schema{root: &node{}}
	s.add(s.root, reflect.TypeFor[Settings](), "", nil)
	return s
})

func (s *schema) add(parent *node, t reflect.Type, prefix string, index []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		name, isSetting := field.Tag.Lookup("env")
		switch {
		case isSetting:
			d := newDefinition(field, prefix+name, strings.TrimPrefix(parent.key+".", ".")+strings.ToLower(name), at)
			s.settings = append(s.settings, d)
			parent.children = append(parent.children, &node{name: strings.ToLower(name), key: d.key, variable: d.variable, definition: d})
		case field.Type.Kind() == reflect.Struct:
			part := field.Tag.Get("envPrefix")
			if part == "" { // grouped in the program only
				s.add(parent, field.Type, prefix, at)
				continue
			}
			variable := strings.TrimSuffix(part, "_")
			section := &node{name: strings.ToLower(variable), variable: prefix + variable, ours: field.Tag.Get("ours") == "true"}
			section.key = strings.TrimPrefix(parent.key+"."+section.name, ".")
			parent.children = append(parent.children, section)
			s.sections = append(s.sections, section)
			s.add(section, field.Type, prefix+part, at)
		}
	}
}

func newDefinition(field reflect.StructField, variable, key string, index []int) *definition {
	tag := field.Tag
	d := &definition{
		key: key, variable: variable, variables: []string{variable},
		kind:            kindOf(field.Type),
		fallback:        tag.Get("envDefault"),
		oneOf:           list(tag.Get("oneof")),
		schemes:         list(tag.Get("schemes")),
		check:           tag.Get("check"),
		environmentOnly: tag.Get("source") == "environment",
		help:            tag.Get("help"),
		least:           math.Inf(-1), most: math.Inf(1),
		index: index,
	}
	d.reload = Effect(tag.Get("reload"))
	if !slices.Contains([]Effect{Live, LiveValue, Restart}, d.reload) {
		panic(fmt.Sprintf("config: tag reload of %s says %q: it must say when a change takes effect", key, d.reload))
	}
	d.unset, d.optional = tag.Lookup("unset")
	own := variable[:len(variable)-len(tag.Get("env"))]
	for _, alias := range list(tag.Get("alias")) {
		d.aliases = append(d.aliases, strings.ToLower(alias))
		d.variables = append(d.variables, own+alias)
	}
	for _, name := range []string{"min", "above", "max"} {
		text, ok := tag.Lookup(name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(fmt.Sprintf("config: tag %s of %s: %v", name, key, err))
		}
		d.bounded = true
		if name == "max" {
			d.most = n
		} else {
			d.least, d.leastExcluded = n, name == "above"
		}
	}
	return d
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// within reports whether a number is in the setting's bounds.
func (d *definition) within(n float64) bool {
	return n >= d.least && n <= d.most && (!d.leastExcluded || n != d.least)
}

// bounds says which numbers are allowed.
func (d *definition) bounds() string {
	if !d.bounded {
		return ""
	}
	least, most := number(d.least), number(d.most)
	if d.leastExcluded {
		return fmt.Sprintf(" above %s and at most %s", least, most)
	}
	return fmt.Sprintf(" from %s to %s", least, most)
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

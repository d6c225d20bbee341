package engine

import (
	"math"
	"math/big"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
)

// pathSlot is a slot whose property is a JSONPath.
type pathSlot struct {
	slot    int32
	resolve resolver
	flag    *flagPath // in place of resolve: the path leads into a flag
}

// resolver finds what a JSONPath leads to in one evaluation. It is not called when
// the identity has a trait whose key is the path's text: that trait wins.
type resolver func(e *evaluation) value

// resolvePath returns what a path leads to. The result is valid until the next call.
func (e *evaluation) resolvePath(i int32) *value {
	path := &e.program.paths[i]
	if path.flag != nil { // reading a flag again may come to something else
		return e.read(path.flag)
	}
	v := &e.slots[path.slot]
	if !e.resolved[i] {
		e.resolved[i] = true
		*v = path.resolve(e)
	}
	return v
}

// path compiles a property that is a JSONPath. It returns nothing for any other property,
// which is only a trait key. A path that does not depend on the identity is resolved
// at once, and the usual paths into the identity need no tree.
func (c *compiler) path(property string) (resolve resolver, flag *flagPath) {
	if !strings.HasPrefix(property, "$.") {
		return nil, nil
	}
	query, err := jsonpath.Parse(property)
	if err != nil {
		return nil, nil
	}
	switch names, _ := query.Names(); {
	case len(names) > 0 && names[0] == "identity":
		return c.identityPath(names[1:]), nil
	case len(names) > 1 && names[0] == "flags":
		return nil, c.flagPathOf(names[1:])
	}
	return c.searched(property, query), nil
}

// searched returns the resolver of a query that needs a tree. Queries see no flags,
// which paths without wildcards and filters read.
func (c *compiler) searched(property string, query *jsonpath.Query) resolver {
	flags := new(jsonpath.Object)
	tree := c.contextTree()
	if !query.Reaches("identity") {
		b := budget{steps: min(maxSteps, c.steps)}
		granted := b.steps
		found := find(query, tree.With("flags", flags), &b)
		c.steps -= granted - max(b.steps, 0)
		if b.exceeded {
			c.cutOff = append(c.cutOff, property)
		}
		return func(*evaluation) value { return found }
	}
	return func(e *evaluation) value {
		if e.identity == nil {
			return find(query, tree.With("flags", flags), &e.budget)
		}
		return find(query, e.contextTree(tree, flags), &e.budget)
	}
}

// find returns the first value that the query leads to if it is a primitive, and an
// absent value otherwise.
func find(query *jsonpath.Query, tree *jsonpath.Object, b *budget) value {
	first, _ := query.First(tree, &b.steps)
	if b.steps < 0 {
		b.exceed(CostJSONPath)
	}
	return valueOfNode(first)
}

// identityPath resolves $.identity.… without a tree.
func (c *compiler) identityPath(names []string) resolver {
	switch {
	case len(names) == 1 && names[0] == "identifier":
		return func(e *evaluation) value {
			// Making a number of it can take long, and many paths can lead to it.
			if e.identifier.kind == absent && e.identity != nil {
				e.identifier = valueOfText(e.identity.Identifier)
			}
			return e.identifier
		}
	case len(names) == 1 && names[0] == "key":
		return func(e *evaluation) value {
			if e.identity == nil {
				return value{}
			}
			return *e.identityKey()
		}
	case len(names) == 2 && names[0] == "traits" && !strings.HasPrefix(names[1], "$."):
		trait := c.slot(names[1])
		return func(e *evaluation) value { return e.slots[trait] }
	case len(names) == 2 && names[0] == "traits": // a slot of that name could be that of a path
		return func(e *evaluation) value {
			if e.identity == nil {
				return value{}
			}
			return traitValue(e.identity.Traits, names[1])
		}
	default: // an object, a list or nothing, which have no value
		return func(*evaluation) value { return value{} }
	}
}

// traitValue returns the value of the last trait with that key.
func traitValue(traits []domain.Trait, key string) value {
	for i := len(traits) - 1; i >= 0; i-- {
		if traits[i].Key == key {
			return valueOf(traits[i].Value)
		}
	}
	return value{}
}

// contextTree returns the document's tree with the identity and the flags.
func (e *evaluation) contextTree(document, flags *jsonpath.Object) *jsonpath.Object {
	if e.tree == nil {
		e.tree = document.With("identity", identityTree(e)).With("flags", flags)
	}
	return e.tree
}

// contextTree returns the evaluation context as a JSONPath sees it, without the
// identity.
func (c *compiler) contextTree() *jsonpath.Object {
	if c.tree != nil {
		return c.tree
	}
	features, segments := new(jsonpath.Object), new(jsonpath.Object)
	for i := range c.document.FeatureStates {
		fs := &c.document.FeatureStates[i]
		features.Set(fs.Feature.Name, featureTree(fs))
	}
	for i := range c.document.Segments {
		s := &c.document.Segments[i]
		segments.Set(s.ID, segmentTree(s))
	}
	c.tree = object(
		member{"environment", object(member{"key", c.document.APIKey}, member{"name", c.document.Name})},
		member{"features", features},
		member{"segments", segments},
	)
	return c.tree
}

func identityTree(e *evaluation) *jsonpath.Object {
	traits := new(jsonpath.Object)
	for _, t := range e.identity.Traits {
		traits.Set(t.Key, jsonpath.Node(t.Value))
	}
	return object(member{"identifier", e.identity.Identifier}, member{"traits", traits}, member{"key", string(e.key)})
}

type member struct {
	name  string
	value any
}

func object(members ...member) *jsonpath.Object {
	o := new(jsonpath.Object)
	for _, m := range members {
		o.Set(m.name, m.value)
	}
	return o
}

func featureTree(fs *domain.FeatureState) *jsonpath.Object {
	tree := object(
		member{"key", fs.Key}, member{"name", fs.Feature.Name}, member{"enabled", fs.Enabled}, member{"value", jsonpath.Node(fs.Value)},
		member{"metadata", object(member{"id", fs.Feature.ID})},
	)
	if len(fs.Variants) > 0 {
		variants := make([]any, len(fs.Variants))
		for i, v := range fs.Variants {
			variant := object(member{"value", jsonpath.Node(v.Value)}, member{"weight", jsonpath.Node(v.Weight)}, member{"priority", orderNode(v.Order)})
			if !v.Key.IsNull() {
				variant.Set("key", jsonpath.Node(v.Key))
			}
			variants[i] = variant
		}
		tree.Set("variants", variants)
	}
	if !fs.Priority.IsNull() {
		tree.Set("priority", jsonpath.Node(fs.Priority))
	}
	return tree
}

func segmentTree(s *domain.Segment) *jsonpath.Object {
	overrides := make([]any, len(s.Overrides))
	for i := range s.Overrides {
		overrides[i] = featureTree(&s.Overrides[i])
	}
	return object(
		member{"key", s.ID}, member{"name", s.Name}, member{"rules", ruleTrees(s.Rules)}, member{"overrides", overrides},
		member{"metadata", object(member{"id", idNode(s.ID)}, member{"source", "api"})},
	)
}

func ruleTrees(rules []domain.Rule) []any {
	trees := make([]any, len(rules))
	for i := range rules {
		conditions := make([]any, len(rules[i].Conditions))
		for j, c := range rules[i].Conditions {
			conditions[j] = object(member{"property", c.Property}, member{"operator", c.Operator}, member{"value", jsonpath.Node(c.Value)})
		}
		trees[i] = object(member{"type", string(rules[i].Type)}, member{"conditions", conditions}, member{"rules", ruleTrees(rules[i].Rules)})
	}
	return trees
}

// idNode returns a segment's id, which the document keeps as text, as the number
// that it mostly is.
func idNode(id string) any {
	if _, ok := new(big.Int).SetString(id, 10); ok {
		return jsonpath.Node(domain.NumberValue(id))
	}
	return id
}

func orderNode(o domain.VariantOrder) any {
	if o.High == 0 && o.Low <= math.MaxInt64 {
		return int64(o.Low)
	}
	n := new(big.Int).Lsh(new(big.Int).SetUint64(o.High), 64)
	return n.Or(n, new(big.Int).SetUint64(o.Low))
}

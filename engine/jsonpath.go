package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"

	"github.com/edge-proxy/edge-proxy/domain"
)

// pathSlot is a slot whose property is a JSONPath.
type pathSlot struct {
	slot    int32
	resolve resolver
}

// resolver finds what a JSONPath leads to in one evaluation. Traits with the
// path's text as their key come first and are not its business.
type resolver func(e *evaluation) value

func (e *evaluation) resolvePath(i int32) {
	if e.resolved[i] {
		return
	}
	e.resolved[i] = true
	e.slots[e.program.paths[i].slot] = e.program.paths[i].resolve(e)
}

// path compiles a property that is a JSONPath; nil for one that is none, which
// is a trait key and nothing else. Paths to what no identity changes are resolved
// here and now, and the usual ones into the identity need no tree.
func (c *compiler) path(property string) resolver {
	if !strings.HasPrefix(property, "$.") {
		return nil
	}
	path, err := jsonpath.Parse(property)
	if err != nil {
		return nil
	}
	query := path.Query()
	if names, ok := nameChain(query); ok && names[0] == "identity" {
		return identityPath(names[1:])
	} else if ok || isStatic(query, property) {
		found := c.contextTree().find(query, nil)
		return func(*evaluation) value { return found }
	}
	tree := c.contextTree()
	return func(e *evaluation) value { return tree.find(query, e) }
}

// identityPath resolves $.identity.… without a tree.
func identityPath(names []string) resolver {
	of := func(get func(e *evaluation) value) resolver {
		return func(e *evaluation) value {
			if e.identity == nil {
				return value{}
			}
			return get(e)
		}
	}
	switch {
	case len(names) == 1 && names[0] == "identifier":
		return of(func(e *evaluation) value { return valueOfText(e.identity.Identifier) })
	case len(names) == 1 && names[0] == "key":
		return of(func(e *evaluation) value { return valueOfText(string(e.key)) })
	case len(names) == 2 && names[0] == "traits":
		return of(func(e *evaluation) value { return traitValue(e.identity.Traits, names[1]) })
	default: // an object, a list, or nothing: no primitive
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

// nameChain returns the names of a path that has nothing but names, at least one.
func nameChain(query *spec.PathQuery) ([]string, bool) {
	segments := query.Segments()
	names := make([]string, len(segments))
	for i, s := range segments {
		name, ok := spec.Name(""), !s.IsDescendant() && len(s.Selectors()) == 1
		if ok {
			name, ok = s.Selectors()[0].(spec.Name)
		}
		if !ok {
			return nil, false
		}
		names[i] = string(name)
	}
	return names, len(names) > 0
}

// isStatic reports whether a path cannot lead into the identity: it begins with
// another name, and no filter of it starts from the root again.
func isStatic(query *spec.PathQuery, property string) bool {
	first := query.Segments()[0]
	if first.IsDescendant() || strings.Count(property, "$") > 1 {
		return false
	}
	return !slices.ContainsFunc(first.Selectors(), func(s spec.Selector) bool {
		name, ok := s.(spec.Name)
		return !ok || name == "identity"
	})
}

// contextTree is the evaluation context as a JSONPath sees it, but for the
// identity. Objects are Go maps, so the order of their members, on which the
// "first match" depends, is kept beside them.
type contextTree struct {
	root map[string]any
	// order ranks the members of the objects whose keys are data, by place: the
	// features' names and the segments' ids. Other objects have fixed members.
	order map[string]map[string]int
}

// memberOrder ranks the fixed members of all objects of the context.
func memberOrder(name string) int {
	return slices.Index([]string{
		"environment", "features", "segments", "identity",
		"identifier", "key", "name", "enabled", "value", "weight", "type", "property", "operator",
		"conditions", "rules", "overrides", "traits", "priority", "metadata", "id", "source", "variants",
	}, name)
}

func (c *compiler) contextTree() *contextTree {
	if c.tree != nil {
		return c.tree
	}
	features, names := map[string]any{}, map[string]int{}
	for i := range c.document.FeatureStates {
		fs := &c.document.FeatureStates[i]
		if _, known := names[fs.Feature.Name]; !known {
			names[fs.Feature.Name] = len(names)
		}
		features[fs.Feature.Name] = featureTree(fs)
	}
	segments, ids := map[string]any{}, map[string]int{}
	for i := range c.document.Segments {
		s := &c.document.Segments[i]
		if _, known := ids[s.ID]; !known {
			ids[s.ID] = len(ids)
		}
		segments[s.ID] = segmentTree(s)
	}
	c.tree = &contextTree{
		root: map[string]any{
			"environment": map[string]any{"key": c.document.APIKey, "name": c.document.Name},
			"features":    features,
			"segments":    segments,
		},
		order: map[string]map[string]int{"features": names, "segments": ids},
	}
	return c.tree
}

func featureTree(fs *domain.FeatureState) map[string]any {
	tree := map[string]any{
		"key": fs.Key, "name": fs.Feature.Name, "enabled": fs.Enabled, "value": plain(fs.Value),
		"metadata": map[string]any{"id": fs.Feature.ID},
	}
	if fs.Priority != nil {
		tree["priority"] = *fs.Priority
	}
	if len(fs.Variants) > 0 {
		variants := make([]any, len(fs.Variants))
		for i, v := range fs.Variants {
			variants[i] = map[string]any{"value": plain(v.Value), "weight": v.Weight, "priority": plainOrder(v.Order)}
		}
		tree["variants"] = variants
	}
	return tree
}

func segmentTree(s *domain.Segment) map[string]any {
	overrides := make([]any, len(s.Overrides))
	for i := range s.Overrides {
		overrides[i] = featureTree(&s.Overrides[i])
	}
	return map[string]any{
		"key": s.ID, "name": s.Name, "rules": ruleTrees(s.Rules), "overrides": overrides,
		"metadata": map[string]any{"id": plain(idValue(s.ID)), "source": "api"},
	}
}

func ruleTrees(rules []domain.Rule) []any {
	trees := make([]any, len(rules))
	for i := range rules {
		conditions := make([]any, len(rules[i].Conditions))
		for j, c := range rules[i].Conditions {
			conditions[j] = map[string]any{"property": c.Property, "operator": c.Operator, "value": plain(c.Value)}
		}
		trees[i] = map[string]any{"type": string(rules[i].Type), "conditions": conditions, "rules": ruleTrees(rules[i].Rules)}
	}
	return trees
}

// find returns the first node that the query leads to, if it is a primitive. e is
// nil for a query that no identity matters to.
func (t *contextTree) find(query *spec.PathQuery, e *evaluation) value {
	root := t.root
	order := func(place string, key string) int {
		if rank, ok := t.order[place]; ok {
			return rank[key]
		}
		return memberOrder(key)
	}
	if e != nil && e.identity != nil {
		traits, keys := identityTraits(e.identity)
		root = map[string]any{"identity": map[string]any{"identifier": e.identity.Identifier, "key": string(e.key), "traits": traits}}
		for k, v := range t.root {
			root[k] = v
		}
		fixed := order
		order = func(place, key string) int {
			if place == "identity.traits" {
				return keys[key]
			}
			return fixed(place, key)
		}
	}
	w := walker{root: root, order: order}
	nodes := []*spec.LocatedNode{{Node: root}}
	for _, s := range query.Segments() {
		var next []*spec.LocatedNode
		for _, n := range nodes {
			next = w.segment(next, s, n)
		}
		nodes = next
	}
	if len(nodes) == 0 {
		return value{}
	}
	return valueOfPlain(nodes[0].Node)
}

func identityTraits(id *domain.Identity) (traits map[string]any, order map[string]int) {
	traits, order = make(map[string]any, len(id.Traits)), make(map[string]int, len(id.Traits))
	for _, t := range id.Traits {
		if _, known := order[t.Key]; !known {
			order[t.Key] = len(order)
		}
		traits[t.Key] = plain(t.Value)
	}
	return traits, order
}

// walker applies segments in document order, which Go's maps do not have.
type walker struct {
	root  any
	order func(place, key string) int
}

func (w *walker) segment(dst []*spec.LocatedNode, s *spec.Segment, n *spec.LocatedNode) []*spec.LocatedNode {
	for _, selector := range s.Selectors() {
		found := selector.SelectLocated(n.Node, w.root, n.Path)
		w.sort(found)
		dst = append(dst, found...)
	}
	if s.IsDescendant() {
		children := spec.Wildcard().SelectLocated(n.Node, w.root, n.Path)
		w.sort(children)
		for _, child := range children {
			dst = w.segment(dst, s, child)
		}
	}
	return dst
}

// sort puts the members that one selector found in one object in order. What it
// found in a list is in order.
func (w *walker) sort(nodes []*spec.LocatedNode) {
	slices.SortStableFunc(nodes, func(a, b *spec.LocatedNode) int {
		x, isName := a.Path[len(a.Path)-1].(spec.Name)
		y, both := b.Path[len(b.Path)-1].(spec.Name)
		if !isName || !both {
			return 0
		}
		place := placeOf(a.Path)
		return cmp.Compare(w.order(place, string(x)), w.order(place, string(y)))
	})
}

// placeOf names the object that a member is in by the names on the way to it.
func placeOf(path spec.NormalizedPath) string {
	names := make([]string, 0, len(path))
	for _, s := range path[:len(path)-1] {
		if name, ok := s.(spec.Name); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}
